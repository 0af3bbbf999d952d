import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { inLanes, longestFirst } from "./lanes.ts";

test("every file once, the long ones first, the others by name", () => {
  const files = ["e2e/b.test.ts", "e2e/faults/kill9.test.ts", "e2e/a.test.ts", "e2e/faults/upgrade.test.ts"];
  const [upgrade, kill9, a, b] = longestFirst(files);
  expect([upgrade, kill9]).toEqual(["e2e/faults/upgrade.test.ts", "e2e/faults/kill9.test.ts"]);
  expect([a, b]).toEqual(["e2e/a.test.ts", "e2e/b.test.ts"]);
  expect(existsSync("scripts/e2e/faults/upgrade.test.ts")).toBe(true);
});

test("never more at once than there are lanes; the results are in the order of what was asked", async () => {
  const waiting: (() => void)[] = [];
  const started: number[] = [];
  const all = inLanes([1, 2, 3, 4, 5], 2, async (item) => {
    started.push(item);
    await new Promise<void>((resolve) => void waiting.push(resolve));
    return item * 10;
  });
  expect(started).toEqual([1, 2]);
  // The later one ends first, and the next takes its place.
  waiting.pop()?.();
  for (let left = 4; left > 0; left -= 1) {
    await Promise.resolve();
    await new Promise(setImmediate);
    expect(waiting.length).toBeLessThanOrEqual(2);
    waiting.shift()?.();
  }
  expect(await all).toEqual([10, 20, 30, 40, 50]);
});

test("one that fails is not swallowed", async () => {
  const failing = inLanes(["a"], 1, () => Promise.reject(new Error("no bun")));
  expect(failing).rejects.toThrow("no bun");
});
