import { z } from "zod";

const Bytes = z.number().int().nonnegative();

/** What one device does at a moment. Whatever its driver does not tell is left out, alone. */
export const GpuUsage = z.object({
  /** Percent of the time in which it computed. */
  utilization: z.number().min(0).max(100).nullish(),
  memory_bytes: Bytes.nullish(),
  memory_total_bytes: Bytes.nullish(),
  /** Degrees Celsius. */
  temperature: z.number().nullish(),
  /** Watts. */
  power: z.number().nonnegative().nullish(),
});
export type GpuUsage = z.infer<typeof GpuUsage>;

/** Counts since an unknown beginning, of which only differences mean something; left out where there are none. */
const counters = {
  /** Microseconds of all cores together. */
  cpu_us: z.number().int().nonnegative(),
  disk_read_bytes: Bytes.nullish(),
  disk_write_bytes: Bytes.nullish(),
  network_in_bytes: Bytes.nullish(),
  network_out_bytes: Bytes.nullish(),
};

export const JobUsage = z.object({
  submission_id: z.uuid(),
  ...counters,
  memory_bytes: Bytes,
  /** Without what the kernel could take back at once: the page cache that is not in use. */
  working_set_bytes: Bytes,
  /** In the order of the assignment's `gpu_ids`. */
  gpus: z.array(GpuUsage).max(64),
});
export type JobUsage = z.infer<typeof JobUsage>;

export const HostUsage = z.object({
  ...counters,
  memory_bytes: Bytes,
  memory_total_bytes: Bytes,
  /** Of the file system that jobs write on. */
  disk_used_bytes: Bytes.nullish(),
  disk_total_bytes: Bytes.nullish(),
  /** In the order of the inventory's `gpus`. */
  gpus: z.array(GpuUsage).max(64),
});
export type HostUsage = z.infer<typeof HostUsage>;

export const UsageSample = z.object({
  /** Milliseconds since 1970, the host's clock. */
  at: z.number().int(),
  host: HostUsage.nullish(),
  /** Of the jobs that run. */
  jobs: z.array(JobUsage).max(1000),
});
export type UsageSample = z.infer<typeof UsageSample>;

/**
 * POST /api/agent/metrics, whenever a sample was taken; while cut off the newest ones are kept, and sent later.
 * Repeat: the same sample of the same job is stored once. Abort: send the batch again. What is said of a submission that
 * is not this host's is passed over. A coordinator that does not know the call answers `not_found`; the agent then
 * takes no samples for a while.
 */
export const MetricsRequest = z.object({
  /** The host's clock at this moment: where it is wrong, the coordinator sets the samples right by it. */
  sent_at: z.number().int(),
  samples: z.array(UsageSample).min(1).max(400),
});
export type MetricsRequest = z.infer<typeof MetricsRequest>;

/** The pace, which is the coordinator's: from one sample to the next while jobs run, and while none does. */
export const MetricsAnswer = z.object({
  interval_ms: z.number().int().positive(),
  idle_interval_ms: z.number().int().positive(),
});
export type MetricsAnswer = z.infer<typeof MetricsAnswer>;
