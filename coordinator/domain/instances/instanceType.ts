import type { GpuDevice, Inventory } from "../../../shared/protocol/inventory.ts";
import { catalogueGpu } from "../../../shared/resources/gpuCatalogue.ts";
import type { GpuDriverInfo, InstanceType, Resources } from "../../../shared/resources/offered.ts";
import type { InstanceRow } from "../../store/instances.ts";
import { offeredGpus, type Vendor, vendorsOf } from "./offeredGpus.ts";

/** What a host has, in the words and sizes that configurations use. Hosts that join by themselves are never spot. */
const resourcesOf = (inventory: Inventory, gpus: readonly GpuDevice[]): Resources => ({
  cpus: inventory.cpus,
  memory_mib: inventory.memory_mib,
  gpus: gpus.map(({ vendor, raw_name, memory_mib }) => ({
    ...catalogueGpu(vendor, raw_name, memory_mib),
    vendor,
  })),
  spot: false,
  disk: { size_mib: inventory.disk_mib },
  cpu_arch: inventory.arch,
  description: "",
});

/** How the wire calls hosts that users bring along (docs/spec/http-api.md §3.12, §2.9). */
export const REMOTE_BACKEND = "remote";
const REMOTE_REGION = "remote";

/** Hosts that joined by themselves have no type of their own; the wire calls all of them so. */
const INSTANCE_TYPE_NAME = "instance";

export const typeNameOf = ({ made }: Pick<InstanceRow, "made">): string =>
  made?.offer?.instance_type.name ?? INSTANCE_TYPE_NAME;

type Typed = Pick<InstanceRow, "made" | "inventory">;

/** What the instance has for a job, of its devices those of one vendor, under the name of its type. */
export const typeOf = (instance: Typed, vendor?: Vendor | undefined): InstanceType =>
  ownType(instance, instanceTypeOf(instance.inventory, vendor).resources);

/** All that the instance has: the devices of all vendors, one after the other. */
export const wholeTypeOf = (instance: Typed): InstanceType => {
  const { inventory } = instance;
  const gpus = vendorsOf(inventory).flatMap((vendor) => offeredGpus(inventory, vendor));
  return ownType(instance, resourcesOf(inventory, gpus));
};

/** Whether it is spot its host cannot tell. */
const ownType = ({ made }: Typed, resources: Resources): InstanceType => {
  const spot = made?.offer?.instance_type.resources.spot ?? false;
  return { name: typeNameOf({ made }), resources: spot ? { ...resources, spot } : resources };
};

/** Where an instance is, in the words of the wire. */
export interface InstancePlace {
  backend: string;
  region: string;
  /** Null: it is in no zone. */
  availability_zone: string | null;
  /** US dollars an hour. */
  price: number;
}

const JOINED: InstancePlace = {
  backend: REMOTE_BACKEND,
  region: REMOTE_REGION,
  availability_zone: null,
  price: 0,
};

export const placeOf = ({ made }: Pick<InstanceRow, "made">): InstancePlace => made?.offer ?? JOINED;

export const instanceTypeOf = (
  inventory: Inventory,
  vendor: Vendor | undefined = vendorsOf(inventory)[0],
): InstanceType => {
  const types = TYPES.get(inventory) ?? new Map<Vendor | undefined, InstanceType>();
  TYPES.set(inventory, types);
  const known = types.get(vendor);
  if (known) return known;
  const resources = resourcesOf(inventory, offeredGpus(inventory, vendor));
  const type = { name: INSTANCE_TYPE_NAME, resources };
  types.set(vendor, type);
  return type;
};

/** Every placement looks at every host, and an inventory never changes: a new one takes its place. */
const TYPES = new WeakMap<Inventory, Map<Vendor | undefined, InstanceType>>();

/** Of the first of a vendor's devices that jobs can be given. */
export const gpuDriverOf = (inventory: Inventory, vendor?: Vendor | undefined): GpuDriverInfo | null => {
  const [gpu] = offeredGpus(inventory, vendor);
  return gpu?.driver_version ? { vendor: gpu.vendor, version: gpu.driver_version } : null;
};
