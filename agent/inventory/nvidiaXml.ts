import type { GpuDevice } from "../../shared/protocol/inventory.ts";
import { failed, known } from "./found.ts";
import { nvidiaHealth } from "./nvidiaHealth.ts";
import { busAddress } from "./pci.ts";
import { childrenOf, parseXml, textAt, type XmlElement } from "./xml.ts";

/** A slice of a GPU (MIG), as the XML has it; drivers differ in whether they tell its UUID there. */
interface MigSlice {
  /** Among the slices of its GPU. */
  index: number;
  memory_mib: number;
  uuid: string | undefined;
}

/** A GPU as `nvidia-smi -q -x` describes it. */
export interface NvidiaGpu {
  device: GpuDevice;
  /** Of a GPU that is divided: it can be used by its slices only. Undefined: it is not divided. */
  slices: MigSlice[] | undefined;
}

export const GPU_UUID = /^GPU-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Drivers before 470 name a slice by its GPU and two numbers. */
export const MIG_UUID = /^MIG-(GPU-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(\/\d{1,3}\/\d{1,3})?$/i;

const mebibytes = (text: string): number => Number(/^(\d{1,9})(?: MiB)?$/.exec(text)?.[1] ?? 0);

/**
 * Every `<gpu>` of the log (NVIDIA's nvsmi_device DTD, versions 1 to 13). One that the driver cannot even name is in
 * the list too, with what is wrong with it; cut-off logs give what was complete.
 */
export const parseNvidiaXml = (stdout: string): NvidiaGpu[] => {
  const log = parseXml(stdout, "nvidia_smi_log");
  if (!log) return [];
  const versions = {
    driver_version: known(textAt(log, "driver_version")),
    cuda_version: known(textAt(log, "cuda_version")),
  };
  // The log's own order is that of the indices (`nvidia-smi -i`), which it does not tell.
  return childrenOf(log, "gpu").flatMap((gpu, index) => {
    const device = deviceOf(gpu, index, versions);
    if (!device) return [];
    const isDivided = textAt(gpu, "mig_mode/current_mig") === "Enabled";
    return { device: withComplaint(device, stdout), slices: isDivided ? slicesOf(gpu) : undefined };
  });
};

type Versions = { driver_version: string | undefined; cuda_version: string | undefined };

const deviceOf = (gpu: XmlElement, index: number, versions: Versions): GpuDevice | undefined => {
  const address = gpu.attributes.get("id") ?? textAt(gpu, "pci/pci_bus_id");
  const bus = busAddress(address);
  const [uuid, memory] = [textAt(gpu, "uuid"), textAt(gpu, "fb_memory_usage/total")];
  const hasUuid = GPU_UUID.test(uuid);
  const id = hasUuid ? uuid : bus;
  if (id === undefined) return undefined;
  const health =
    nvidiaHealth(gpu) ??
    (hasUuid ? undefined : failed(`The driver does not tell its UUID: ${uuid || "cut off"}`));
  return {
    vendor: "nvidia",
    raw_name: known(textAt(gpu, "product_name")) ?? "NVIDIA GPU",
    id,
    index,
    memory_mib: mebibytes(memory),
    // GB10 and Jetson: chips without memory of their own (docs.nvidia.com/dgx/dgx-spark, known issues).
    ...(/^\[?(n\/a|not supported)\]?$/i.test(memory) ? { unified_memory: true } : {}),
    ...(bus ? { bus_id: bus } : {}),
    ...(versions.driver_version ? { driver_version: versions.driver_version } : {}),
    ...(versions.cuda_version ? { cuda_version: versions.cuda_version } : {}),
    ...(health ? { health } : {}),
  };
};

const slicesOf = (gpu: XmlElement): MigSlice[] =>
  childrenOf(gpu, "mig_devices")
    .flatMap((all) => childrenOf(all, "mig_device"))
    .flatMap((slice) => {
      const [index, uuid] = [textAt(slice, "index"), textAt(slice, "uuid")];
      if (!/^\d{1,3}$/.test(index)) return [];
      return {
        index: Number(index),
        memory_mib: mebibytes(textAt(slice, "fb_memory_usage/total")),
        uuid: MIG_UUID.test(uuid) ? uuid : undefined,
      };
    });

/** `WARNING: infoROM is corrupted at gpu 0000:02:00.0`, after the log. */
const withComplaint = (device: GpuDevice, stdout: string): GpuDevice => {
  const about = [...stdout.matchAll(/^WARNING: (.{1,200}) at gpu ([0-9A-Fa-f:.]+)\s*$/gm)];
  const said = about.find(([, , bus = ""]) => busAddress(bus) === device.bus_id)?.[1];
  return said && !device.health ? { ...device, health: { status: "warning", reason: said } } : device;
};
