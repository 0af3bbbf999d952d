import { expect, test } from "bun:test";
import fc from "fast-check";
import { findIdleGpu, type GpuSample } from "./utilization.ts";

const POLICY = { min_gpu_utilization: 40, time_window: 300 };
const NOW = Date.UTC(2026, 0, 1);

/** A sample every ten seconds over the last `seconds`, the newest now; `of` tells each by its age in seconds. */
const samples = (seconds: number, of: (ageS: number) => GpuSample["utilization"]): GpuSample[] =>
  Array.from({ length: Math.floor(seconds / 10) + 1 }, (_, at) => at * 10).map((ageS) => ({
    at: NOW - ageS * 1000,
    utilization: of(ageS),
  }));

// What has been sampled × what it says: the GPU that ends the job, or none.
const CASES: [string, GpuSample[], number | undefined][] = [
  ["nothing at all", [], undefined],
  ["no GPU", samples(300, () => []), undefined],
  ["idle for the whole window", samples(300, () => [0]), 0],
  ["just below the minimum", samples(300, () => [39]), 0],
  ["just the minimum", samples(300, () => [40]), undefined],
  ["idle, but not for long enough", samples(230, () => [0]), undefined],
  ["idle since the first minute of the window", samples(240, () => [0]), 0],
  ["busy once, now", samples(300, (age) => [age === 0 ? 90 : 0]), undefined],
  ["busy once, in the middle", samples(300, (age) => [age === 150 ? 90 : 0]), undefined],
  ["busy once, at the window's very begin", samples(300, (age) => [age === 300 ? 90 : 0]), undefined],
  ["busy once, before the window", samples(600, (age) => [age > 300 ? 90 : 0]), 0],
  ["one of two idle", samples(300, () => [90, 3]), 1],
  ["both idle", samples(300, () => [1, 3]), 0],
  ["each idle half of the time", samples(300, (age) => (age < 150 ? [90, 0] : [0, 90])), undefined],
  ["a driver that never tells", samples(300, () => [null, null]), undefined],
  ["one GPU untold, the other idle", samples(300, () => [null, 0]), 1],
  ["told only since a while", samples(300, (age) => [age < 200 ? 0 : null]), undefined],
  ["told now and then, always idle", samples(300, (age) => [age % 50 === 0 ? 0 : undefined]), 0],
];

test.each(CASES)("findIdleGpu(): %s", (_, window, gpu) => {
  expect(findIdleGpu(POLICY, window, NOW)).toBe(gpu as never);
});

test("a minimum of 0 ends nothing", () => {
  expect(
    findIdleGpu(
      { ...POLICY, min_gpu_utilization: 0 },
      samples(300, () => [0]),
      NOW,
    ),
  ).toBeUndefined();
});

test("samples of the future, from a clock that was set back, count for nothing", () => {
  const ahead = samples(300, () => [0]).map((sample) => ({ ...sample, at: sample.at + 3_600_000 }));
  expect(findIdleGpu(POLICY, ahead, NOW)).toBeUndefined();
});

test("whatever the order, and whatever comes twice, the answer is the same", () => {
  const sample = fc.record({
    at: fc.integer({ min: NOW - 400_000, max: NOW }),
    utilization: fc.array(fc.option(fc.integer({ min: 0, max: 100 })), { maxLength: 3 }),
  });
  fc.assert(
    fc.property(fc.array(sample), (window) => {
      const answer = findIdleGpu(POLICY, window, NOW);
      expect(findIdleGpu(POLICY, [...window, ...window].reverse(), NOW)).toBe(answer as never);
      const told = window
        .filter(({ at }) => at >= NOW - 300_000)
        .map((each) => each.utilization[answer ?? 0]);
      if (answer !== undefined) expect(told.every((value) => (value ?? 0) < 40)).toBe(true);
    }),
  );
});
