import { printCpu } from "./cpu.ts";
import type { GpuSpec } from "./gpu.ts";
import type { Gpu, Resources } from "./offered.ts";
import { printRange, type Range } from "./range.ts";
import type { ResourcesSpec } from "./spec.ts";

// How tables and messages show resources (docs/spec/cli.md §7.1).

/** Up to six significant digits, as `%g`. */
const sixDigits = (value: number): string => String(Number(value.toPrecision(6)));

const size = (gigabytes: number): string => `${sixDigits(gigabytes)}GB`;

const sizeOfMib = (mib: number): string => `${Math.round((mib / 1024) * 10) / 10}GB`;

const sizes = (range: Range): string => printRange(range, size);

/** The spec after `gpu=`, e.g. `A100,H100:80GB:2`. */
export const formatGpuSpec = ({
  vendor,
  name,
  memory,
  count,
  total_memory,
  compute_capability,
}: GpuSpec): string =>
  [
    name && name.length > 0 ? name.join(",") : vendor,
    memory && sizes(memory),
    printRange(count),
    total_memory && sizes(total_memory),
    compute_capability?.join("."),
  ]
    .filter(Boolean)
    .join(":");

/** What is asked for: `cpu=2.. mem=8GB.. disk=100GB.. gpu=0..`. */
export const formatRequirements = ({ cpu, memory, disk, gpu }: ResourcesSpec): string =>
  [
    `cpu=${printCpu(cpu)}`,
    `mem=${sizes(memory)}`,
    disk && `disk=${sizes(disk.size)}`,
    gpu && `gpu=${formatGpuSpec(gpu)}`,
  ]
    .filter(Boolean)
    .join(" ");

/** Devices of one kind are counted together, e.g. `A100:40GB:2`; undefined for none. */
export const formatGpus = (gpus: readonly Gpu[]): string | undefined => {
  const kinds = Map.groupBy(gpus, ({ name, memory_mib }) =>
    memory_mib > 0 ? `${name}:${sizeOfMib(memory_mib)}` : name,
  );
  const texts = [...kinds].map(([kind, devices]) => `${kind}:${devices.length}`);
  return texts.length === 0 ? undefined : texts.join(",");
};

/** What is offered: `cpu=16 mem=64GB disk=100GB gpu=A100:40GB:2`. Parts that are not there are left out. */
export const formatResources = ({ cpus, cpu_arch, memory_mib, disk, gpus }: Resources): string => {
  const gpu = formatGpus(gpus);
  return [
    cpus > 0 && `cpu=${cpu_arch ? `${cpu_arch}:` : ""}${cpus}`,
    memory_mib > 0 && `mem=${sizeOfMib(memory_mib)}`,
    disk.size_mib > 0 && `disk=${sizeOfMib(disk.size_mib)}`,
    gpu && `gpu=${gpu}`,
  ]
    .filter(Boolean)
    .join(" ");
};
