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

test("what an ended process of the agent sent, and comes late, does not take over", () => {
  const agents = new AgentSessions();
  agents.note("i", { session: "b", start: 2, sequence: 0 }, 1);
  expect(agents.note("i", { session: "a", start: 1, sequence: 0 }, 2)).toBe("fenced");
  expect(agents.note("i", { session: "b", start: 2, sequence: 1 }, 3)).toBe("current");
});

test("a request that comes twice is known as such, one that was followed by another as overtaken", () => {
  const agents = new AgentSessions();
  const first = { session: "a", sequence: 0 };
  expect(agents.note("i", first, 1)).toBe("current");
  expect(agents.note("i", first, 2)).toBe("repeated");
  expect(agents.isOvertaken("i", first)).toBe(false);
  agents.note("i", { session: "a", sequence: 1 }, 3);
  expect(agents.isOvertaken("i", first)).toBe(true);
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
