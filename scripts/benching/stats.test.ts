import { expect, test } from "bun:test";
import { formatMs, percentile, summarise } from "./stats.ts";

test("percentile() answers a measured value by nearest rank, whatever the order", () => {
  const values = [50, 10, 40, 20, 30];
  expect(percentile(values, 0.5)).toBe(30);
  expect(percentile(values, 0.95)).toBe(50);
  expect(percentile([7], 0.5)).toBe(7);
  expect(values).toEqual([50, 10, 40, 20, 30]);
  expect(() => percentile([], 0.5)).toThrow("Nothing was measured");
});

test("summarise() and formatMs() keep as many digits as mean something", () => {
  expect(summarise([1, 2, 3])).toEqual({ count: 3, p50: 2, p95: 3 });
  expect([4.24, 37.4, 1204.4].map(formatMs)).toEqual(["4.2", "37", "1,204"]);
});
