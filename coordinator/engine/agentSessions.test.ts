import { expect, test } from "bun:test";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { AgentSessions } from "./agentSessions.ts";

const clock = new FakeClock();

test("the newest session counts; an older process and an overtaken request are fenced", () => {
  const agents = new AgentSessions(clock);
  expect(agents.note("i", { session: "a", sequence: 0 })).toBe("current");
  expect(agents.note("i", { session: "a", sequence: 1 })).toBe("current");
  expect(agents.note("i", { session: "b", sequence: 0 })).toBe("current");
  expect(agents.note("i", { session: "a", sequence: 2 })).toBe("fenced");
  clock.advance(5);
  expect(agents.note("i", { session: "b", sequence: 5 })).toBe("current");
  const seenAt = clock.steady();
  clock.advance(5);
  expect(agents.note("i", { session: "b", sequence: 4 })).toBe("fenced");
  expect(agents.lastSeenAt("i")).toBe(seenAt);
});

test("what an ended process of the agent sent, and comes late, does not take over", () => {
  const agents = new AgentSessions(clock);
  agents.note("i", { session: "b", start: 2, sequence: 0 });
  expect(agents.note("i", { session: "a", start: 1, sequence: 0 })).toBe("fenced");
  expect(agents.note("i", { session: "b", start: 2, sequence: 1 })).toBe("current");
});

test("a request that comes twice is known as such, one that was followed by another as overtaken", () => {
  const agents = new AgentSessions(clock);
  const first = { session: "a", sequence: 0 };
  expect(agents.note("i", first)).toBe("current");
  expect(agents.note("i", first)).toBe("repeated");
  expect(agents.isOvertaken("i", first)).toBe(false);
  agents.note("i", { session: "a", sequence: 1 });
  expect(agents.isOvertaken("i", first)).toBe(true);
});

test("a coordinator that has just started takes any session up where it is", () => {
  expect(new AgentSessions(clock).note("i", { session: "a", sequence: 17 })).toBe("current");
});

test("wake() answers a parked sync and raises the revision", async () => {
  const agents = new AgentSessions(clock);
  const before = agents.revision("i");
  const parked = agents.park("i", new AbortController().signal);
  expect(agents.lastSeenAt("i")).toBe(Number.POSITIVE_INFINITY);
  agents.wake("i");
  await parked;
  expect(agents.revision("i")).toBe(before + 1);
  expect(agents.lastSeenAt("i")).toBeUndefined();
});

test("park() ends when its signal aborts, at once when it has", async () => {
  const agents = new AgentSessions(clock);
  const stop = new AbortController();
  const parked = agents.park("i", stop.signal);
  stop.abort();
  await parked;
  await agents.park("i", stop.signal);
});

test("wakeAll() answers every parked sync, so that a server can stop", async () => {
  const agents = new AgentSessions(clock);
  const never = new AbortController().signal;
  const parked = ["a", "b"].map((id) => agents.park(id, never));
  expect(agents.isWaiting("a")).toBe(true);
  agents.wakeAll();
  await Promise.all(parked);
  expect(agents.isWaiting("a")).toBe(false);
});

test("a new process whose first request was lost takes over all the same", () => {
  const agents = new AgentSessions(clock);
  agents.note("i", { session: "a", start: 1, sequence: 9 });
  expect(agents.note("i", { session: "b", start: 2, sequence: 1 })).toBe("current");
  expect(agents.note("i", { session: "a", start: 1, sequence: 10 })).toBe("fenced");
});
