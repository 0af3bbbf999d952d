import { expect, test } from "bun:test";
import { AgentSessions } from "./agentSessions.ts";

test("the newest session counts; an older process and an overtaken request are fenced", () => {
  const agents = new AgentSessions();
  expect(agents.note("i", { session: "a", sequence: 0 }, 1)).toBe("current");
  expect(agents.note("i", { session: "a", sequence: 1 }, 2)).toBe("current");
  expect(agents.note("i", { session: "b", sequence: 0 }, 3)).toBe("current");
  expect(agents.note("i", { session: "a", sequence: 2 }, 4)).toBe("fenced");
  expect(agents.note("i", { session: "b", sequence: 5 }, 5)).toBe("current");
  expect(agents.note("i", { session: "b", sequence: 4 }, 6)).toBe("fenced");
  expect(agents.lastSeenAt("i")).toBe(5);
});

test("a coordinator that has just started takes any session up where it is", () => {
  expect(new AgentSessions().note("i", { session: "a", sequence: 17 }, 1)).toBe("current");
});

test("wake() answers a parked sync and raises the revision", async () => {
  const agents = new AgentSessions();
  const before = agents.revision("i");
  const parked = agents.park("i", new AbortController().signal);
  expect(agents.lastSeenAt("i")).toBe(Number.POSITIVE_INFINITY);
  agents.wake("i");
  await parked;
  expect(agents.revision("i")).toBe(before + 1);
  expect(agents.lastSeenAt("i")).toBeUndefined();
});

test("park() ends when its signal aborts, at once when it has", async () => {
  const agents = new AgentSessions();
  const stop = new AbortController();
  const parked = agents.park("i", stop.signal);
  stop.abort();
  await parked;
  await agents.park("i", stop.signal);
});

test("wakeAll() answers every parked sync, so that a server can stop", async () => {
  const agents = new AgentSessions();
  const never = new AbortController().signal;
  const parked = ["a", "b"].map((id) => agents.park(id, never));
  expect(agents.isWaiting("a")).toBe(true);
  agents.wakeAll();
  await Promise.all(parked);
  expect(agents.isWaiting("a")).toBe(false);
});
