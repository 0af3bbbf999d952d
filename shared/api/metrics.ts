import { z } from "zod";
import { field } from "../schema/field.ts";
import { accepts } from "../schema/form.ts";
import { refuse } from "../schema/refusal.ts";
import { Uuid, WireTime } from "./scalars.ts";

const parseCount = accepts({ type: "integer", minimum: 0, maximum: 999_999_999 }, (text: unknown): number =>
  typeof text === "string" && /^\d{1,9}$/.test(text)
    ? Number(text)
    : refuse("wrong_type", "Input should be a valid integer"),
);

const count = (otherwise: number) => field(parseCount).default(otherwise);

/** The query of `GET P/metrics/job/{run_name}` (docs/spec/http-api.md §2.11). */
export const JobMetricsQuery = z.object({
  run_id: Uuid.optional(),
  replica_num: count(0),
  job_num: count(0),
  limit: count(1),
  /** Inclusive; the sample at that moment only serves the next one's CPU usage. */
  after: WireTime.optional(),
  /** Exclusive. */
  before: WireTime.optional(),
});
export type JobMetricsQuery = z.infer<typeof JobMetricsQuery>;

/** The query of `GET P/metrics/instance/{name}`, which is ours. */
export const InstanceMetricsQuery = JobMetricsQuery.pick({ limit: true, after: true, before: true });
export type InstanceMetricsQuery = z.infer<typeof InstanceMetricsQuery>;

/** One series, newest first. */
export const Metric = z.object({
  name: z.string(),
  timestamps: z.array(WireTime),
  values: z.array(z.number()),
});
export type Metric = z.infer<typeof Metric>;

/** Series of one job or instance; none until there are two samples. Names: docs/spec/http-api.md §2.11, docs/metrics.md. */
export const Metrics = z.object({ metrics: z.array(Metric) });
export type Metrics = z.infer<typeof Metrics>;
