import { expect, test } from "bun:test";
import { Backlog, type Way } from "./backlog.ts";

const SLOW = "More waits for a slow reader than the coordinator may hold";

const lab = (limits: { memoryBytes: number; memoryBytesPerUser: number }) => {
  const backlog = new Backlog(limits);
  const broken: string[] = [];
  const way = (userId: string, name: string): Way => {
    const one: Way = {
      userId,
      held: 0,
      abort: ({ code }) => {
        broken.push(`${name} ${code}`);
        backlog.remove(one);
      },
    };
    backlog.add(one);
    return one;
  };
  return { backlog, broken, way };
};

test("a user who has half of what one user may have is kept to small windows, until it is less", () => {
  const { backlog, way } = lab({ memoryBytes: 1_000, memoryBytesPerUser: 100 });
  const [a, b] = [way("ann", "a"), way("bob", "b")];
  backlog.note(a, 51);
  backlog.note(b, 50);
  expect([backlog.isTight("ann"), backlog.isTight("bob")]).toEqual([true, false]);
  backlog.note(a, 10);
  expect(backlog.isTight("ann")).toBe(false);
});

test("where half of all is in use, those are kept to small windows who have more than their part", () => {
  const { backlog, way } = lab({ memoryBytes: 100, memoryBytesPerUser: 100 });
  backlog.note(way("ann", "a"), 45);
  backlog.note(way("bob", "b"), 10);
  expect([backlog.isTight("ann"), backlog.isTight("bob"), backlog.isTight("eve")]).toEqual([
    true,
    false,
    false,
  ]);
});

test("where all of a user's share is in use, the stream of that user is broken in which most waits", () => {
  const { backlog, broken, way } = lab({ memoryBytes: 1_000, memoryBytesPerUser: 100 });
  const [small, large, others] = [way("ann", "small"), way("ann", "large"), way("bob", "others")];
  backlog.note(others, 99);
  backlog.note(large, 70);
  backlog.note(small, 40);
  expect(broken).toEqual(["large too_many"]);
  expect(backlog.bytes).toBe(139);
});

test("where all is in use, it is the user's who has most of it", () => {
  const { backlog, broken, way } = lab({ memoryBytes: 100, memoryBytesPerUser: 90 });
  const [a, b] = [way("ann", "a"), way("bob", "b")];
  backlog.note(a, 60);
  backlog.note(b, 41);
  expect(broken).toEqual(["a too_many"]);
});

test("what is in flight counts, and a link in which too much of it is ends", () => {
  const { backlog } = lab({ memoryBytes: 1_000, memoryBytesPerUser: 100 });
  const closed: string[] = [];
  for (const [name, inFlight] of [
    ["small", 20],
    ["large", 90],
  ] as const)
    backlog.addSink({ userId: "ann", inFlight, close: (reason) => void closed.push(`${name}: ${reason}`) });
  expect(backlog.isTight("ann")).toBe(false);
  backlog.measure();
  expect(backlog.isTight("ann")).toBe(true);
  expect(closed).toEqual([`large: ${SLOW}`]);
});

test("who is gone leaves nothing behind", () => {
  const { backlog, way } = lab({ memoryBytes: 100, memoryBytesPerUser: 100 });
  const one = way("ann", "a");
  backlog.note(one, 90);
  backlog.remove(one);
  backlog.remove(one);
  expect([backlog.bytes, backlog.isTight("ann")]).toEqual([0, false]);
});
