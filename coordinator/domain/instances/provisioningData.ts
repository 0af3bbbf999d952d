import type { JobProvisioningData, JobRuntimeData } from "../../../shared/api/jobs.ts";
import type { Inventory } from "../../../shared/protocol/inventory.ts";
import { type HostShare, shareOf } from "../../../shared/resources/blocks.ts";
import type { InstanceOfferWithAvailability, InstanceType } from "../../../shared/resources/offered.ts";
import type { InstanceRow } from "../../store/instances.ts";
import { gpuDriverOf, placeOf, typeOf } from "./instanceType.ts";
import type { Part } from "./occupancy.ts";
import { countDevices, vendorOf, vendorsOf } from "./offeredGpus.ts";

const IPV4 = /^(\d{1,3}(?:\.\d{1,3}){3})\/\d+$/;

/** The first address of the host, as nodes of one task reach each other (docs/spec/agent.md §1.7). */
export const internalIpOf = (inventory: Inventory): string | null =>
  inventory.addresses.map((address) => IPV4.exec(address)?.[1]).find((ip) => ip !== undefined) ?? null;

/** What the wire says of a joined host, or of some blocks of one, in the offers of a plan as in a placed job. */
export const offerOf = (
  instance: InstanceRow,
  availability: InstanceOfferWithAvailability["availability"],
  part: Part & { total: number },
): InstanceOfferWithAvailability => {
  const { backend, region, availability_zone: zone, price } = placeOf(instance);
  return {
    backend,
    instance: partOf(instance, part),
    region,
    price,
    backend_data: {},
    availability,
    availability_zones: zone === null ? null : [zone],
    instance_runtime: "shim",
    blocks: part.blocks,
    total_blocks: part.total,
  };
};

const partOf = (instance: InstanceRow, { blocks, total, vendor }: Part & { total: number }): InstanceType => {
  const type = typeOf(instance, vendor);
  const devices = countDevices(instance.inventory, vendor ?? vendorsOf(instance.inventory)[0]);
  return { ...type, resources: shareOf(type.resources, blocks, { total, devices }) };
};

/** What a job has got of the host; no devices, where they were too few for its part. */
const offerOfShare = (instance: InstanceRow, share: HostShare): InstanceOfferWithAvailability => {
  const vendor = vendorOf(instance.inventory, share.gpu_ids);
  const offer = offerOf(instance, "idle", { ...share, vendor });
  const { resources } = offer.instance;
  const gpus = resources.gpus.slice(0, share.gpu_ids.length);
  return { ...offer, instance: { ...offer.instance, resources: { ...resources, gpus } } };
};

/**
 * Where a job was placed, in the words of the wire, which knows joined hosts as hosts of an SSH fleet. `ip`: the
 * host's address among the nodes of its task.
 */
export const provisioningDataOf = (
  instance: InstanceRow,
  ip: string | null,
  { gpu_ids }: Pick<HostShare, "gpu_ids">,
): JobProvisioningData => {
  const vendor = vendorOf(instance.inventory, gpu_ids);
  const { backend, region, availability_zone, price } = placeOf(instance);
  return {
    backend,
    base_backend: null,
    instance_type: typeOf(instance, vendor),
    instance_id: instance.id,
    hostname: ip ?? instance.inventory.hostname,
    internal_ip: ip,
    public_ip_enabled: true,
    instance_network: null,
    region,
    availability_zone,
    reservation: null,
    price,
    username: "root",
    ssh_port: 22,
    dockerized: instance.inventory.runtime === "docker",
    ssh_proxy: null,
    backend_data: null,
    gpu_driver: gpuDriverOf(instance.inventory, vendor),
  };
};

/** A job that has the whole host is not limited. Memory is in GB of 1024 MB. */
export const runtimeDataOf = (
  instance: InstanceRow,
  share: HostShare,
  networkMode: JobRuntimeData["network_mode"],
): JobRuntimeData => ({
  network_mode: networkMode,
  gpu: share.blocks === share.total ? null : share.gpu_ids.length,
  cpu: share.cpus,
  memory: share.memory_mib === null ? null : share.memory_mib / 1024,
  ports: networkMode === "host" ? {} : null,
  volume_names: [],
  offer: offerOfShare(instance, share),
  working_dir: null,
  username: null,
});
