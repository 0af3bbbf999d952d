import { type HostShare, shareOf } from "../../../shared/resources/blocks.ts";
import type { BlockUse } from "../events/jobEvents.ts";
import type { CapacityEntry } from "./capacityEntry.ts";
import { totalBlocksOf } from "./division.ts";
import { instanceTypeOf } from "./instanceType.ts";
import { countDevices, offeredGpus, type Vendor, vendorsOf } from "./offeredGpus.ts";

type Held = Pick<CapacityEntry, "instance" | "occupants">;

/** How many blocks of the host have somebody in them. */
export const usedBlocks = ({ instance, occupants }: Held): number => {
  if (occupants.size === 0) return 0;
  const total = totalBlocksOf(instance) ?? 1;
  let used = 0;
  // What was given out before the host was divided anew counts for no less than it is.
  for (const share of occupants.values())
    used += share.total === total ? share.blocks : Math.ceil((share.blocks * total) / share.total);
  return Math.min(used, total);
};

/** As people are told of it. */
export const blockUse = (held: Held): BlockUse => ({
  busy: usedBlocks(held),
  total: totalBlocksOf(held.instance) ?? 1,
});

/** A part of a host: so many blocks, and with them devices of one vendor, by default the first. */
export interface Part {
  blocks: number;
  vendor?: Vendor | undefined;
}

/** Whether a job could begin at once in such a part. */
export const hasRoom = (entry: Held, part: Part): boolean => {
  const total = totalBlocksOf(entry.instance);
  if (total === undefined || !isUp(entry)) return false;
  if (usedBlocks(entry) + part.blocks > total) return false;
  return freeGpus(entry, part.vendor).length >= gpusIn(entry, part, total);
};

/** Whether some job could begin at once, whatever it asks for. */
export const hasAnyRoom = (entry: Held): boolean =>
  vendorsOf(entry.instance.inventory).some((vendor) => hasRoom(entry, { blocks: 1, vendor }));

/** A host that takes jobs at all. */
export const isUp = ({ instance }: Pick<CapacityEntry, "instance">): boolean =>
  (instance.status === "idle" || instance.status === "busy") && !instance.unreachable;

/** Such a part that nobody has; undefined: there is none. */
export const allot = ({ instance, occupants }: Held, part: Part): HostShare | undefined => {
  const { blocks, vendor } = part;
  const total = totalBlocksOf(instance);
  if (total === undefined || usedBlocks({ instance, occupants }) + blocks > total) return undefined;
  const gpus = offeredGpus(instance.inventory, vendor);
  const ids = [...gpus].sort((a, b) => a.index - b.index).map((gpu) => gpu.id);
  const free = new Set(freeGpus({ instance, occupants }, vendor));
  const chosen = chooseNeighbours(
    ids.map((id) => free.has(id)),
    gpusIn({ instance }, part, total),
  );
  if (!chosen) return undefined;
  const isWhole = blocks === total;
  const { cpus, memory_mib } = shareOf(instanceTypeOf(instance.inventory, vendor).resources, blocks, {
    total,
  });
  return {
    blocks,
    total,
    cpus: isWhole ? null : cpus,
    memory_mib: isWhole ? null : memory_mib,
    gpu_ids: chosen.flatMap((at) => ids[at] ?? []),
  };
};

/** Devices of the vendor that nobody has. */
const freeGpus = ({ instance, occupants }: Held, vendor: Vendor | undefined): string[] => {
  const taken = new Set([...occupants.values()].flatMap((share) => share.gpu_ids));
  return offeredGpus(instance.inventory, vendor)
    .map((gpu) => gpu.id)
    .filter((id) => !taken.has(id));
};

/** The whole host is what is left of it while a device fails; a part is always of the same size. */
const gpusIn = (
  { instance: { inventory } }: Pick<Held, "instance">,
  { blocks, vendor = vendorsOf(inventory)[0] }: Part,
  total: number,
): number =>
  blocks === total
    ? offeredGpus(inventory, vendor).length
    : Math.floor((countDevices(inventory, vendor) * blocks) / total);

/**
 * Places of `count` free devices: side by side if that can be, for neighbours by index mostly share a switch and a NUMA
 * node; from the smallest gap that is large enough, at its aligned place, so that larger jobs find room later.
 */
export const chooseNeighbours = (free: readonly boolean[], count: number): number[] | undefined => {
  if (free.filter(Boolean).length < count) return undefined;
  if (count === 0) return [];
  let best: { at: number; score: readonly [number, number] } | undefined;
  for (const gap of gapsOf(free))
    for (let at = gap.from; at + count <= gap.to; at++) {
      const score = [gap.to - gap.from, at % count === 0 ? 0 : 1] as const;
      if (!best || score[0] < best.score[0] || (score[0] === best.score[0] && score[1] < best.score[1]))
        best = { at, score };
    }
  const { at } = best ?? {};
  if (at !== undefined) return Array.from({ length: count }, (_, offset) => at + offset);
  return [...free.keys()].filter((index) => free[index]).slice(0, count);
};

/** Longest rows of free places; `to` is not in them. */
const gapsOf = (free: readonly boolean[]): { from: number; to: number }[] => {
  const gaps: { from: number; to: number }[] = [];
  let from: number | undefined;
  for (let at = 0; at <= free.length; at++) {
    if (free[at]) from ??= at;
    else if (from !== undefined) {
      gaps.push({ from, to: at });
      from = undefined;
    }
  }
  return gaps;
};

/** All of a host, as attempts have it that say nothing of a part. */
export const wholeOf = (
  { instance }: Pick<CapacityEntry, "instance">,
  vendor?: Vendor | undefined,
): HostShare => ({
  blocks: 1,
  total: 1,
  cpus: null,
  memory_mib: null,
  gpu_ids: offeredGpus(instance.inventory, vendor).map((gpu) => gpu.id),
});
