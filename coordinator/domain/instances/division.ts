import { countBlocks } from "../../../shared/resources/blocks.ts";
import type { InstanceRow } from "../../store/instances.ts";
import { countDevices } from "./offeredGpus.ts";

type Host = Pick<InstanceRow, "inventory" | "blocks">;

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
