import { type HostShare, shareOf } from "../../../shared/resources/blocks.ts";
import type { BlockUse } from "../events/jobEvents.ts";
import type { CapacityEntry } from "./capacityEntry.ts";
import { totalBlocksOf } from "./division.ts";
import { instanceTypeOf } from "./instanceType.ts";
import { countDevices, offeredGpus } from "./offeredGpus.ts";

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

/** Whether a job could begin at once in so many blocks. */
export const hasRoom = (entry: Held, blocks: number): boolean => {
  const total = totalBlocksOf(entry.instance);
  if (total === undefined || !isUp(entry)) return false;
  return usedBlocks(entry) + blocks <= total && freeGpus(entry).length >= gpusIn(entry, blocks, total);
};

/** A host that takes jobs at all. */
export const isUp = ({ instance }: Pick<CapacityEntry, "instance">): boolean =>
  (instance.status === "idle" || instance.status === "busy") && !instance.unreachable;

/** A part of so many blocks that nobody has; undefined: there is none. */
export const allot = ({ instance, occupants }: Held, blocks: number): HostShare | undefined => {
  const total = totalBlocksOf(instance);
  if (total === undefined || usedBlocks({ instance, occupants }) + blocks > total) return undefined;
  const ids = [...offeredGpus(instance.inventory)].sort((a, b) => a.index - b.index).map((gpu) => gpu.id);
  const free = new Set(freeGpus({ instance, occupants }));
  const chosen = chooseNeighbours(
    ids.map((id) => free.has(id)),
    gpusIn({ instance }, blocks, total),
  );
  if (!chosen) return undefined;
  const isWhole = blocks === total;
  const { cpus, memory_mib } = shareOf(instanceTypeOf(instance.inventory).resources, blocks, { total });
  return {
    blocks,
    total,
    cpus: isWhole ? null : cpus,
    memory_mib: isWhole ? null : memory_mib,
    gpu_ids: chosen.flatMap((at) => ids[at] ?? []),
  };
};

/** Devices that nobody has. */
const freeGpus = ({ instance, occupants }: Held): string[] => {
  const taken = new Set([...occupants.values()].flatMap((share) => share.gpu_ids));
  return offeredGpus(instance.inventory)
    .map((gpu) => gpu.id)
    .filter((id) => !taken.has(id));
};

/** The whole host is what is left of it while a device fails; a part is always of the same size. */
const gpusIn = (
  { instance: { inventory } }: Pick<Held, "instance">,
  blocks: number,
  total: number,
): number => (blocks === total ? offeredGpus(inventory).length : (countDevices(inventory) / total) * blocks);

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
export const wholeOf = ({ instance }: Pick<CapacityEntry, "instance">): HostShare => ({
  blocks: 1,
  total: 1,
  cpus: null,
  memory_mib: null,
  gpu_ids: offeredGpus(instance.inventory).map((gpu) => gpu.id),
});
