import { fitBlocks, shareOf } from "../../../shared/resources/blocks.ts";
import type { Resources } from "../../../shared/resources/offered.ts";
import type { Requirements } from "../../../shared/resources/requirements.ts";
import type { InstanceRow } from "../../store/instances.ts";
import { placeOf, typeOf } from "./instanceType.ts";
import { countDevices, type Vendor, vendorsOf } from "./offeredGpus.ts";

/** What of an instance satisfies a job. */
export interface InstanceFit {
  /** The fewest that do. */
  blocks: number;
  /** Whose devices the job would have; undefined: the instance has none. */
  vendor: Vendor | undefined;
  share: Resources;
  /** All that the instance has, of its devices those of that vendor. */
  whole: Resources;
}

/** By vendor, or why the devices of none of them are what is asked for. `total`: into how many blocks it is divided. */
export const fitInstance = (
  requirements: Requirements,
  instance: Pick<InstanceRow, "made" | "inventory">,
  total: number,
): { fits: InstanceFit[] } | { reason: string } => {
  const fits: InstanceFit[] = [];
  const reasons = new Set<string>();
  for (const vendor of vendorsOf(instance.inventory)) {
    const { resources: whole } = typeOf(instance, vendor);
    const division = { total, devices: countDevices(instance.inventory, vendor) };
    const fit = fitBlocks(requirements, whole, { ...division, price: placeOf(instance).price });
    if ("reason" in fit) reasons.add(fit.reason);
    else fits.push({ blocks: fit.blocks, vendor, whole, share: shareOf(whole, fit.blocks, division) });
  }
  return fits.length > 0 ? { fits } : { reason: [...reasons].join(", or ") };
};
