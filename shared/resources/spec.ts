import type { z } from "zod";
import { field, object, optionalField } from "../schema/field.ts";
import { CpuSpec } from "./cpu.ts";
import { DiskSpec } from "./disk.ts";
import { anyGpu, GpuSpec } from "./gpu.ts";
import { parseMemory, parseMemoryRange } from "./memory.ts";

/** What a user asks for under `resources` (docs/spec/configuration.md §1.3). Each key has its own default. */
export const ResourcesSpec = object({
  cpu: CpuSpec.default(() => ({ arch: null, count: { min: 2, max: null } })),
  memory: field(parseMemoryRange).default(() => ({ min: 8, max: null })),
  shm_size: optionalField(parseMemory),
  gpu: GpuSpec.nullable().default(anyGpu),
  disk: DiskSpec.nullable().default(() => ({ size: { min: 100, max: null } })),
});
export type ResourcesSpec = z.infer<typeof ResourcesSpec>;

export const defaultResources = (): ResourcesSpec => ResourcesSpec.parse({});
