import type { GpuDevice, Inventory } from "../../../shared/protocol/inventory.ts";

/** Whose devices count on a host with several vendors' (docs/spec/agent.md §1.1): a processor's own may be AMD's. */
const VENDORS: readonly GpuDevice["vendor"][] = ["nvidia", "tenstorrent", "amd", "intel"];

const offered = new WeakMap<Inventory, readonly GpuDevice[]>();

/**
 * The devices that jobs can be given. A configuration asks for devices of one kind, and a job takes all of what it is
 * given: so of several vendors' devices one vendor's are offered, and the rest are only listed.
 */
export const offeredGpus = (inventory: Inventory): readonly GpuDevice[] => {
  const known = offered.get(inventory);
  if (known) return known;
  const vendor = VENDORS.find((one) => inventory.gpus.some((gpu) => gpu.vendor === one));
  const gpus = inventory.gpus.filter((gpu) => gpu.vendor === vendor);
  offered.set(inventory, gpus);
  return gpus;
};

/**
 * Those devices and the ones beside them that fail: that one of eight fails must not divide the others anew, under the
 * jobs that have them, or make them indivisible.
 */
export const countDevices = (inventory: Inventory): number => {
  const gpus = offeredGpus(inventory);
  const heldOut = inventory.held_out_gpus ?? [];
  const vendor = gpus[0]?.vendor ?? heldOut[0]?.vendor;
  return gpus.length + heldOut.filter((gpu) => gpu.vendor === vendor).length;
};
