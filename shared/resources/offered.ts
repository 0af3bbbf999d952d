import { z } from "zod";

const GPU_VENDORS = ["nvidia", "amd", "google", "intel", "tenstorrent"] as const;

/** One device. */
export const Gpu = z.object({
  name: z.string(),
  memory_mib: z.number().int(),
  vendor: z.enum(GPU_VENDORS).nullable().default(null),
});
export type Gpu = z.infer<typeof Gpu>;

/** 0: unknown. */
const Disk = z.object({ size_mib: z.number().int() });

/** What an instance, or a share of one, has (docs/spec/http-api.md §3.3). */
export const Resources = z.object({
  cpus: z.number().int(),
  memory_mib: z.number().int(),
  gpus: z.array(Gpu),
  spot: z.boolean(),
  disk: Disk.default({ size_mib: 102_400 }),
  cpu_arch: z.enum(["x86", "arm"]).nullable().default(null),
  /** No longer used by any client; kept on the wire. */
  description: z.string().default(""),
});
export type Resources = z.infer<typeof Resources>;

export const InstanceType = z.object({ name: z.string(), resources: Resources });
export type InstanceType = z.infer<typeof InstanceType>;

const InstanceAvailability = z.enum([
  "unknown",
  "available",
  "not_available",
  "no_quota",
  "no_balance",
  "idle",
  "busy",
]);

export const InstanceOfferWithAvailability = z.object({
  backend: z.string(),
  instance: InstanceType,
  region: z.string(),
  /** US dollars an hour, of the whole instance. */
  price: z.number(),
  backend_data: z.record(z.string(), z.unknown()).default({}),
  availability: InstanceAvailability,
  availability_zones: z.array(z.string()).nullable().default(null),
  instance_runtime: z.enum(["shim", "runner"]).default("shim"),
  /** The offer is this many of `total_blocks` equal parts of the instance. */
  blocks: z.number().int().default(1),
  total_blocks: z.number().int().default(1),
});
export type InstanceOfferWithAvailability = z.infer<typeof InstanceOfferWithAvailability>;

export const GpuDriverInfo = z.object({
  vendor: z.enum(GPU_VENDORS).nullable().default(null),
  version: z.string(),
});
export type GpuDriverInfo = z.infer<typeof GpuDriverInfo>;
