import type { JobSpec } from "../../../shared/api/jobs.ts";

export type UtilizationPolicy = NonNullable<JobSpec["utilization_policy"]>;

/** How busy each GPU of a job was at a moment, in percent; null or left out: its driver did not tell. */
export interface GpuSample {
  at: number;
  utilization: readonly (number | null | undefined)[];
}

/** Samples cover a window whose first minute they begin in (docs/spec/lifecycle.md §3.6). */
const COVERED_MS = 60_000;

/**
 * The first of a job's GPUs that was below the policy's minimum in every sample of the window that ends now; undefined:
 * there is none, or the samples do not reach far enough back to say so. What a driver does not tell is no sample.
 */
export const findIdleGpu = (
  policy: UtilizationPolicy,
  samples: readonly GpuSample[],
  now: number,
): number | undefined => {
  const from = windowStart(policy, now);
  const window = samples.filter(({ at }) => at >= from && at <= now);
  const count = Math.max(0, ...window.map(({ utilization }) => utilization.length));
  return [...Array(count).keys()].find((gpu) => {
    const told = window.flatMap(({ at, utilization }) => {
      const percent = utilization[gpu];
      return percent === null || percent === undefined ? [] : { at, percent };
    });
    const first = Math.min(...told.map(({ at }) => at));
    return first <= from + COVERED_MS && told.every(({ percent }) => percent < policy.min_gpu_utilization);
  });
};

/** Samples from before this moment say nothing any more. */
export const windowStart = (policy: UtilizationPolicy, now: number): number =>
  now - policy.time_window * 1000;

/** As the reference has it (docs/spec/lifecycle.md §3.6). */
export const idleMessage = (policy: UtilizationPolicy): string =>
  `The job GPU utilization below ${policy.min_gpu_utilization}% for ${policy.time_window} seconds`;
