import type { GpuDevice } from "../../../shared/protocol/inventory.ts";
import type { GpuUsage } from "../../../shared/protocol/metrics.ts";
import { readAmdSysfs } from "./amdSysfs.ts";
import { readAmdTools } from "./amdTools.ts";
import { readGaudiUsage } from "./gaudi.ts";
import { readNvidiaUsage } from "./nvidia.ts";
import { readSliceUsage } from "./nvidiaSlices.ts";
import { readTenstorrent } from "./tenstorrent.ts";

export interface GpuUsageOptions {
  root: string;
  signal: AbortSignal;
  searchPath?: string | undefined;
}

/** Less than an interval: a driver that hangs costs the sample its GPUs, not the rest. */
const TOOL_TIMEOUT_MS = 8_000;

/**
 * What the devices do, by their ids (GpuDevice.id): one call of a tool for all devices of a vendor, and none where there
 * are no devices. Those of which nothing can be learnt are left out.
 */
export const readGpuUsage = async (
  devices: readonly GpuDevice[],
  options: GpuUsageOptions,
): Promise<Map<string, GpuUsage>> => {
  const { root, signal, searchPath } = options;
  const tool = { signal, timeoutMs: TOOL_TIMEOUT_MS, ...(searchPath ? { searchPath } : {}) };
  const of = (vendor: GpuDevice["vendor"]) => devices.filter((device) => device.vendor === vendor);
  const [nvidia, amd, intel] = [of("nvidia"), of("amd"), of("intel")];
  const slices = nvidia.filter(({ parent_id }) => parent_id);
  const found = await Promise.all([
    nvidia.length > slices.length ? readNvidiaUsage(tool) : [],
    slices.length > 0 ? readSliceUsage(slices, tool) : [],
    told(of("tenstorrent"), (id) => readTenstorrent(root, id)),
    amd.length > 0 ? readAmdUsage(root, amd, () => readAmdTools(tool)) : [],
    intel.length > 0 ? byId(intel, await readGaudiUsage(tool)) : [],
  ]);
  return new Map(found.flatMap((usages) => [...usages]));
};

const readAmdUsage = async (
  root: string,
  devices: readonly GpuDevice[],
  askTools: () => Promise<Map<number, GpuUsage>>,
): Promise<[string, GpuUsage][]> => {
  const known = told(devices, (id) => readAmdSysfs(root, id));
  return known.length > 0 ? known : byId(devices, await askTools());
};

/** What the kernel tells, device by device. */
const told = (
  devices: readonly GpuDevice[],
  read: (id: string) => GpuUsage | undefined,
): [string, GpuUsage][] =>
  devices.flatMap(({ id }): [string, GpuUsage][] => {
    const usage = read(id);
    return usage ? [[id, usage]] : [];
  });

const byId = (devices: readonly GpuDevice[], usages: ReadonlyMap<number, GpuUsage>): [string, GpuUsage][] =>
  devices.flatMap(({ id, index }): [string, GpuUsage][] => {
    const usage = usages.get(index);
    return usage ? [[id, usage]] : [];
  });
