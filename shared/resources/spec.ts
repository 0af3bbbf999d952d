import type { z } from "zod";
import { field, object, optionalField } from "../schema/field.ts";
import { CpuSpec } from "./cpu.ts";
import { DiskSpec } from "./disk.ts";
import { anyGpu, GpuSpec } from "./gpu.ts";
import { parseMemory, parseMemoryRange } from "./memory.ts";

/** What a user asks for under `resources` (docs/spec/configuration.md §1.3). Each key has its own default. */
export const ResourcesSpec = object(
  {
    cpu: CpuSpec.default(() => ({ arch: null, count: { min: 2, max: null } })),
    memory: field(parseMemoryRange).default(() => ({ min: 8, max: null })),
    shm_size: optionalField(parseMemory),
    gpu: GpuSpec.nullable().default(anyGpu),
    disk: DiskSpec.nullable().default(() => ({ size: { min: 100, max: null } })),
  },
  {
    about: {
      cpu: "CPUs: a count or range, an architecture (`x86`, `arm`), or both with `:` between them.",
      memory: "Memory of the host that the job gets: a size or a range of sizes.",
      shm_size: "Size of the shared memory, `/dev/shm`. Unset, the container engine's default.",
      gpu: "GPUs: a count, names, memory of each and a vendor, in any order with `:` between them; or a mapping.",
      disk: "Disk: a size or a range of sizes. Null: any.",
    },
  },
);
export type ResourcesSpec = z.infer<typeof ResourcesSpec>;

export const defaultResources = (): ResourcesSpec => ResourcesSpec.parse({});
