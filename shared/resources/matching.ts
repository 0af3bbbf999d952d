import { formatGpus } from "./format.ts";
import type { GpuSpec } from "./gpu.ts";
import { capabilityOf, vendorOfName } from "./gpuCatalogue.ts";
import { printMemory } from "./memory.ts";
import type { Gpu, Resources } from "./offered.ts";
import { printRange, type Range } from "./range.ts";
import type { Requirements } from "./requirements.ts";

const within = (value: number, { min, max }: Range): boolean =>
  (min === null || value >= min) && (max === null || value <= max);

const GIB = 1024;

const isLeast = ([major, minor]: readonly [number, number], wanted: readonly [number, number]): boolean =>
  major > wanted[0] || (major === wanted[0] && minor >= wanted[1]);

const isSuchGpu = (spec: GpuSpec, gpu: Gpu): boolean => {
  const { vendor, name, memory, compute_capability } = spec;
  if (vendor && vendor !== (gpu.vendor ?? vendorOfName(gpu.name))) return false;
  if (name && !name.some((known) => known.toLowerCase() === gpu.name.toLowerCase())) return false;
  if (memory && !within(gpu.memory_mib / GIB, memory)) return false;
  if (!compute_capability) return true;
  const capability = capabilityOf(gpu.name);
  return capability !== undefined && isLeast(capability, compute_capability);
};

/** What is asked for, in words: `8 H100 GPUs of 80GB each`. */
const gpuNeed = ({ vendor, name, count, memory, total_memory, compute_capability }: GpuSpec): string => {
  const kind = name ? name.join(" or ") : vendor;
  const noun = count.min === 1 && count.max === 1 ? "GPU" : "GPUs";
  return [
    [printRange(count), kind, noun].filter(Boolean).join(" "),
    memory && ` of ${printRange(memory, printMemory)} each`,
    total_memory && ` with ${printRange(total_memory, printMemory)} together`,
    compute_capability && ` of compute capability ${compute_capability.join(".")} or above`,
  ]
    .filter(Boolean)
    .join("");
};

const fitsGpus = (spec: GpuSpec, gpus: readonly Gpu[]): boolean => {
  if (!within(gpus.length, spec.count)) return false;
  if (gpus.length === 0) return true;
  const total = gpus.reduce((sum, gpu) => sum + gpu.memory_mib, 0) / GIB;
  if (spec.total_memory && !within(total, spec.total_memory)) return false;
  return gpus.every((gpu) => isSuchGpu(spec, gpu));
};

const gigabytes = (mib: number): string => `${Math.round((mib / GIB) * 10) / 10}GB`;

/**
 * Why an offer does not meet the requirements, in words for people; undefined when it does. A job takes all of what is
 * offered, so more GPUs than asked for do not fit (docs/spec/configuration.md §1.3). `price`: US dollars an hour.
 */
export const whyNot = (
  { resources: wanted, max_price, spot }: Requirements,
  offered: Resources,
  price?: number,
): string | undefined => {
  const { cpu, memory, gpu, disk } = wanted;
  if (cpu.arch && cpu.arch !== (offered.cpu_arch ?? "x86")) {
    return `needs an ${cpu.arch} CPU, the host has ${offered.cpu_arch ?? "x86"}`;
  }
  if (!within(offered.cpus, cpu.count)) {
    return `needs ${printRange(cpu.count)} CPUs, the host has ${offered.cpus}`;
  }
  if (!within(offered.memory_mib / GIB, memory)) {
    return `needs ${printRange(memory, printMemory)} of memory, the host has ${gigabytes(offered.memory_mib)}`;
  }
  if (gpu && !fitsGpus(gpu, offered.gpus)) {
    return `needs ${gpuNeed(gpu)}, the host has ${formatGpus(offered.gpus) ?? "none"}`;
  }
  const diskMib = offered.disk.size_mib;
  if (disk && diskMib > 0 && !within(diskMib / GIB, disk.size)) {
    return `needs ${printRange(disk.size, printMemory)} of disk, the host has ${gigabytes(diskMib)}`;
  }
  if (spot !== null && spot !== offered.spot) {
    return spot ? "needs a spot instance" : "needs an on-demand instance, this one is spot";
  }
  if (max_price !== null && price !== undefined && price > max_price) {
    return `may cost at most $${max_price} an hour, this costs $${price}`;
  }
  return undefined;
};

export const meets = (requirements: Requirements, offered: Resources, price?: number): boolean =>
  whyNot(requirements, offered, price) === undefined;
