import { countBlocks } from "../../../shared/resources/blocks.ts";
import type { InstanceRow } from "../../store/instances.ts";

type Host = Pick<InstanceRow, "inventory" | "blocks">;

/**
 * Devices of the host, those that fail too: that one of eight fails must not divide the others anew, under the jobs
 * that have them, or make them indivisible.
 */
export const countDevices = ({ gpus, held_out_gpus }: InstanceRow["inventory"]): number =>
  gpus.length + (held_out_gpus?.length ?? 0);

/** Into how many blocks the host is divided (docs/spec/lifecycle.md §2.5); undefined: it cannot be, as `blocks` has it. */
export const totalBlocksOf = ({ inventory, blocks }: Host): number | undefined =>
  countBlocks({ cpus: inventory.cpus, gpus: { length: countDevices(inventory) } }, blocks);

/** Said where `totalBlocksOf` has no answer. */
export const whyUndivided = ({ inventory, blocks }: Host): string => {
  const [cpus, gpus] = [inventory.cpus, countDevices(inventory)];
  const parts = [`${cpus} CPUs`, ...(gpus > 0 ? [`${gpus} GPUs`] : [])].join(" and ");
  const wanted = blocks === "auto" ? countParts(cpus, gpus) : blocks;
  return `Cannot split into blocks: ${parts} are not divisible by ${wanted}`;
};

const countParts = (cpus: number, gpus: number): number => (gpus === 0 ? cpus : Math.min(cpus, gpus));
