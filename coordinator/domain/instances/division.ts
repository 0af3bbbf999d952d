import { AppError } from "../../../shared/errors.ts";
import type { Inventory } from "../../../shared/protocol/inventory.ts";
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

/** Refuses a host that cannot be divided so. */
export const requireDivisible = (inventory: Inventory, blocks: number | "auto"): void => {
  if (totalBlocksOf({ inventory, blocks }) === undefined)
    throw new AppError("invalid", whyUndivided({ inventory, blocks }), {
      hint: "Make a token with another number (`dstack fleet token create FLEET --blocks N`), or change `blocks` of the fleet",
    });
};
