import { CpuSpec } from "../../shared/resources/cpu.ts";
import { DiskSpec } from "../../shared/resources/disk.ts";
import { GpuSpec } from "../../shared/resources/gpu.ts";
import { parseMemoryRange } from "../../shared/resources/memory.ts";
import type { ResourcesSpec } from "../../shared/resources/spec.ts";
import type { Values } from "../args/command.ts";
import { value } from "../args/option.ts";
import { readAs, readBy } from "./read.ts";

export const resourceOptions = {
  cpu: value("--cpu SPEC", "CPUs, like 4, 2..8 or arm:4", readAs(CpuSpec)),
  gpu: value("--gpu SPEC", "GPUs, like H100:80GB:8, 24GB.. or 0", readAs(GpuSpec)),
  memory: value("--memory RANGE", "Memory, like 32GB or 16GB..64GB", readBy(parseMemoryRange)),
  disk: value("--disk RANGE", "Disk, like 100GB..", readAs(DiskSpec)),
};

type ResourceValues = Values<typeof resourceOptions>;

/** The parts that the command line gives; each replaces that part as a whole (docs/spec/cli.md §3.5). */
export const resourcesOf = ({ cpu, gpu, memory, disk }: ResourceValues): Partial<ResourcesSpec> => ({
  ...(cpu && { cpu }),
  ...(gpu && { gpu }),
  ...(memory && { memory }),
  ...(disk && { disk }),
});
