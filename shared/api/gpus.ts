import { z } from "zod";
import { RunSpec } from "./runs.ts";

/** `P/gpus/list`: offers, grouped by GPU (docs/spec/http-api.md §2.7). */
export const ListGpusRequest = z.object({
  run_spec: RunSpec,
  group_by: z
    .array(z.enum(["backend", "region", "count"]))
    .nullish()
    .transform((by) => by ?? []),
  full_offers: z.boolean().default(false),
  unallocated_resources: z.boolean().default(false),
  reverse: z.boolean().default(false),
});
export type ListGpusRequest = z.input<typeof ListGpusRequest>;

const Range = z.object({ min: z.number(), max: z.number() });

/** Null fields are left out on the wire. `price` is per GPU. */
export const GpuGroup = z.object({
  name: z.string(),
  memory_mib: z.number().int(),
  vendor: z.string(),
  availability: z.array(z.string()),
  spot: z.array(z.enum(["spot", "on-demand"])),
  count: Range,
  price: Range,
  /** Of whole offers; since 0.22.5. */
  offer_price: Range.optional(),
  backends: z.array(z.string()).optional(),
  backend: z.string().optional(),
  regions: z.array(z.string()).optional(),
  region: z.string().optional(),
});
export type GpuGroup = z.infer<typeof GpuGroup>;

/** Offers without GPUs; all ranges are of whole offers (docs/spec/changes-0.22.md §4). */
export const CpuGroup = z.object({
  cpu_arch: z.array(z.string()),
  count: Range,
  memory_mib: Range,
  price: Range,
  availability: z.array(z.string()),
  spot: z.array(z.enum(["spot", "on-demand"])),
  backends: z.array(z.string()).optional(),
  backend: z.string().optional(),
  regions: z.array(z.string()).optional(),
  region: z.string().optional(),
});
export type CpuGroup = z.infer<typeof CpuGroup>;

/** `cpus`: only if no GPU was wanted; since 0.22.5. */
export const GpusAnswer = z.object({ gpus: z.array(GpuGroup), cpus: z.array(CpuGroup).optional() });
export type GpusAnswer = z.infer<typeof GpusAnswer>;
