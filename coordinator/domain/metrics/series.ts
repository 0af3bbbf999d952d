import type { Metric } from "../../../shared/api/metrics.ts";
import { toWireTime } from "../../../shared/api/scalars.ts";
import type { Resources } from "../../../shared/resources/offered.ts";
import type { HostPoint, JobPoint } from "../../store/usage.ts";

const MIB = 1024 ** 2;

/** A point with the one before it. */
interface Step<P> {
  now: P;
  before: P;
}

/** Newest first. */
const stepsOf = <P>(points: readonly P[]): Step<P>[] =>
  points.slice(0, -1).flatMap((now, at) => {
    const before = points[at + 1];
    return before === undefined ? [] : [{ now, before }];
  });

/** A value for each step where there is one; a series without any is left out. */
const series = <P extends { at: number }>(
  name: string,
  steps: readonly Step<P>[],
  valueAt: (step: Step<P>) => number | null | undefined,
): Metric[] => {
  const found = steps.flatMap((step) => {
    const value = valueAt(step);
    return value === null || value === undefined ? [] : [{ at: step.now.at, value }];
  });
  if (found.length === 0) return [];
  return [
    { name, timestamps: found.map(({ at }) => toWireTime(at)), values: found.map(({ value }) => value) },
  ];
};

/**
 * What a job used, as the reference tells it (docs/spec/http-api.md §2.11), then what only we do. Every series has one
 * value less than there are points, newest first; what a driver did not tell at a moment is missing at that moment.
 */
export const jobSeries = (points: readonly JobPoint[], resources: Resources | undefined): Metric[] => {
  const steps = stepsOf(points);
  if (steps.length === 0) return [];
  const constant = (name: string, value: number | undefined) => series(name, steps, () => value);
  const gpuMemory = resources?.gpus[0]?.memory_mib;
  return [
    ...series("cpu_usage_percent", steps, cpuPercent),
    ...series("memory_usage_bytes", steps, ({ now }) => now.memory_bytes),
    ...series("memory_working_set_bytes", steps, ({ now }) => now.working_set_bytes),
    ...constant("cpus_detected_num", resources?.cpus),
    ...constant("memory_total_bytes", resources && resources.memory_mib * MIB),
    ...constant("gpus_detected_num", points[0]?.gpus.length),
    ...constant("gpu_memory_total_bytes", gpuMemory === undefined ? undefined : gpuMemory * MIB),
    ...gpuSeries(steps),
    ...rates(steps),
  ];
};

/** The same of a whole host. */
export const hostSeries = (points: readonly HostPoint[], cpus: number): Metric[] => {
  const steps = stepsOf(points);
  if (steps.length === 0) return [];
  return [
    ...series("cpu_usage_percent", steps, cpuPercent),
    ...series("memory_usage_bytes", steps, ({ now }) => now.memory_bytes),
    ...series("cpus_detected_num", steps, () => cpus),
    ...series("memory_total_bytes", steps, ({ now }) => now.memory_total_bytes),
    ...series("gpus_detected_num", steps, ({ now }) => now.gpus.length),
    ...gpuSeries(steps),
    ...series("disk_used_bytes", steps, ({ now }) => now.disk_used_bytes),
    ...series("disk_total_bytes", steps, ({ now }) => now.disk_total_bytes),
    ...rates(steps),
  ];
};

type AnyPoint = JobPoint | HostPoint;

/** 100 is one core. */
const cpuPercent = ({ now, before }: Step<AnyPoint>): number => {
  const passedUs = (now.at - before.at) * 1000;
  return passedUs === 0 ? 0 : Math.max(0, Math.round(((now.cpu_us - before.cpu_us) / passedUs) * 100));
};

/** Numbered as the job sees them. If their number has changed, nobody knows which is which: then there are none. */
const gpuSeries = (steps: readonly Step<AnyPoint>[]): Metric[] => {
  const [count = 0, ...others] = new Set(steps.map(({ now }) => now.gpus.length));
  if (others.length > 0) return [];
  return GPU_SERIES.flatMap(([name, valueIn]) =>
    [...Array(count).keys()].flatMap((gpu) =>
      series(`${name}_gpu${gpu}`, steps, ({ now }) => valueIn(now.gpus[gpu] ?? {})),
    ),
  );
};

type Gpu = AnyPoint["gpus"][number];
const GPU_SERIES: readonly [string, (gpu: Gpu) => number | null | undefined][] = [
  ["gpu_memory_usage_bytes", (gpu) => gpu.memory_bytes],
  ["gpu_util_percent", (gpu) => gpu.utilization],
  ["gpu_temperature_celsius", (gpu) => gpu.temperature],
  ["gpu_power_watts", (gpu) => gpu.power],
];

const RATES = ["disk_read_bytes", "disk_write_bytes", "network_in_bytes", "network_out_bytes"] as const;

const rates = (steps: readonly Step<AnyPoint>[]): Metric[] =>
  RATES.flatMap((name) =>
    series(`${name}_per_second`, steps, ({ now, before }) => {
      const [to, from] = [now[name], before[name]];
      const seconds = (now.at - before.at) / 1000;
      // Counters begin anew with the host.
      return to === null || from === null || seconds === 0
        ? null
        : Math.max(0, Math.round((to - from) / seconds));
    }),
  );
