import type { GpuDevice, Inventory } from "../../../shared/protocol/inventory.ts";

export type Vendor = GpuDevice["vendor"];

/** Whose devices come first on a host with several vendors' (docs/spec/agent.md §1.1): a processor's own may be AMD's. */
const VENDORS: readonly Vendor[] = ["nvidia", "tenstorrent", "amd", "intel"];

/** What placements ask for again and again; an inventory never changes, a new one takes its place. */
interface Devices {
  vendors: readonly Vendor[];
  offered: ReadonlyMap<Vendor, readonly GpuDevice[]>;
  counted: ReadonlyMap<Vendor, number>;
  /** By whose devices the host is divided. */
  divided: Vendor | undefined;
}

const known = new WeakMap<Inventory, Devices>();

const devicesOf = (inventory: Inventory): Devices => {
  const found = known.get(inventory);
  if (found) return found;
  const of = (all: readonly GpuDevice[], vendor: Vendor) => all.filter((gpu) => gpu.vendor === vendor);
  const all = [...inventory.gpus, ...(inventory.held_out_gpus ?? [])];
  const offered = new Map(VENDORS.map((vendor) => [vendor, of(inventory.gpus, vendor)] as const));
  const counted = new Map(VENDORS.map((vendor) => [vendor, of(all, vendor).length] as const));
  const devices = {
    vendors: VENDORS.filter((vendor) => (offered.get(vendor)?.length ?? 0) > 0),
    offered,
    counted,
    divided: VENDORS.find((vendor) => (counted.get(vendor) ?? 0) > 0),
  };
  known.set(inventory, devices);
  return devices;
};

/**
 * Whose devices jobs can be given, the first by default. A configuration asks for devices of one kind, and a job takes all
 * of what it is given: so each vendor's are an offer of their own. Undefined alone: the host has none.
 */
export const vendorsOf = (inventory: Inventory): readonly [Vendor | undefined, ...Vendor[]] => {
  const [first, ...others] = devicesOf(inventory).vendors;
  return [first, ...others];
};

/** The devices of one vendor that jobs can be given. */
export const offeredGpus = (
  inventory: Inventory,
  vendor: Vendor | undefined = vendorsOf(inventory)[0],
): readonly GpuDevice[] => (vendor && devicesOf(inventory).offered.get(vendor)) ?? [];

/**
 * Those devices and the ones beside them that fail: that one of eight fails must not divide the others anew, under the
 * jobs that have them, or make them indivisible. By default those by which the host is divided.
 */
export const countDevices = (
  inventory: Inventory,
  vendor: Vendor | undefined = devicesOf(inventory).divided,
): number => (vendor && devicesOf(inventory).counted.get(vendor)) ?? 0;

/** Whose devices these are, of which a job has got some; undefined: it has none. */
export const vendorOf = (inventory: Inventory, ids: readonly string[]): Vendor | undefined =>
  [...inventory.gpus, ...(inventory.held_out_gpus ?? [])].find(({ id }) => ids.includes(id))?.vendor;
