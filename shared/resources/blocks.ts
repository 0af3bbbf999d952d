import { whyNot } from "./matching.ts";
import type { Resources } from "./offered.ts";
import type { Requirements } from "./requirements.ts";

// Hosts that several jobs share, in equal parts (docs/spec/configuration.md §5).

/** Into how many blocks a host is divided; undefined where its CPUs or GPUs cannot be divided evenly. */
export const countBlocks = (
  { cpus, gpus }: { cpus: number; gpus: { length: number } },
  wanted: number | "auto",
): number | undefined => {
  const total = wanted === "auto" ? (gpus.length === 0 ? cpus : Math.min(cpus, gpus.length)) : wanted;
  return total > 0 && cpus % total === 0 && gpus.length % total === 0 ? total : undefined;
};

export interface Division {
  /** Into how many blocks the host is divided. */
  total: number;
  /** How many devices were divided; more than the host offers while one of them fails. */
  devices?: number;
}

/** What so many blocks are: a part of the CPUs, GPUs and memory, and the whole disk. */
export const shareOf = (
  host: Resources,
  blocks: number,
  { total, devices = host.gpus.length }: Division,
): Resources => {
  if (blocks === total) return host;
  return {
    ...host,
    cpus: Math.floor(host.cpus / total) * blocks,
    memory_mib: Math.floor(host.memory_mib / total) * blocks,
    // Of a second vendor's devices, by which the host is not divided, there may be less than one a block.
    gpus: host.gpus.slice(0, Math.floor((devices * blocks) / total)),
  };
};

/** What of a host one job has. The devices are chosen once: the same job never gets others. */
export interface HostShare {
  blocks: number;
  total: number;
  /** Limits; null: it has all blocks, so nothing is limited. */
  cpus: number | null;
  memory_mib: number | null;
  /** GpuDevice.id of each device. */
  gpu_ids: string[];
}

export type Fit = { blocks: number } | { reason: string };

/**
 * The fewest blocks of a host that satisfy a job, or why not even all of them do. A multi-node job takes all. `price` is
 * that of the whole host.
 */
export const fitBlocks = (
  requirements: Requirements,
  host: Resources,
  { price, ...division }: Division & { price: number },
): Fit => {
  const { total } = division;
  const fits = (blocks: number) => whyNot(requirements, shareOf(host, blocks, division), price) === undefined;
  const all = requirements.multinode ? [total] : Array.from({ length: total }, (_, index) => index + 1);
  const blocks = all.find(fits);
  return blocks === undefined
    ? { reason: whyNot(requirements, host, price) ?? "no part of the host is of the size that is asked for" }
    : { blocks };
};
