import type { GpuDevice } from "../../shared/protocol/inventory.ts";
import type { Found } from "./found.ts";
import { GPU_UUID, MIG_UUID, type NvidiaGpu } from "./nvidiaXml.ts";

/** A slice as `nvidia-smi -L` lists it. */
export interface ListedSlice {
  parent: string;
  /** Among the slices of its GPU. */
  index: number;
  /** `1g.10gb`, `1g.5gb+me`. */
  profile: string;
  uuid: string;
}

/**
 *     GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d1c...)
 *       MIG 1g.5gb      Device  0: (UUID: MIG-c6d4...)
 */
export const parseNvidiaList = (stdout: string): ListedSlice[] => {
  let parent: string | undefined;
  return stdout.split("\n").flatMap((line) => {
    const gpu = /^GPU \d+: .*\(UUID: (GPU-[^)]+)\)/.exec(line)?.[1];
    if (gpu !== undefined) parent = GPU_UUID.test(gpu) ? gpu : undefined;
    const [, profile, index, uuid = ""] =
      /^\s+MIG (\d[\w.+-]{0,30}?)\s+Device\s+(\d{1,3}): \(UUID: ([^)]+)\)/.exec(line) ?? [];
    if (parent === undefined || profile === undefined || !MIG_UUID.test(uuid)) return [];
    return { parent, index: Number(index), profile, uuid };
  });
};

/**
 * GPUs, and in the place of those that are divided their slices: these are what a job can be given. Numbered anew. One
 * that is divided into nothing is of no use to anybody, until somebody changes that.
 */
export const withSlices = (gpus: readonly NvidiaGpu[], listed: readonly ListedSlice[]): Found => {
  const failures: string[] = [];
  const devices = gpus.flatMap(({ device, slices }): GpuDevice[] => {
    if (!slices) return [device];
    const named = listed.filter((slice) => slice.parent === device.id);
    const all =
      named.length > 0 ? named : slices.map(({ index, uuid }) => ({ index, uuid, profile: undefined }));
    const found = all.flatMap(({ index, uuid, profile }) => {
      const memory = slices.find((slice) => slice.index === index)?.memory_mib ?? 0;
      return uuid === undefined ? [] : [sliceOf(device, { uuid, profile, memory })];
    });
    if (found.length === 0) failures.push(`${device.raw_name} at ${device.bus_id ?? device.id} ${UNDIVIDED}`);
    return found;
  });
  return { gpus: devices.map((device, index) => ({ ...device, index })), failures };
};

const UNDIVIDED =
  "has MIG on and no instance that can be used: make some (nvidia-smi mig -cgi ... -C) or turn it off";

const sliceOf = (
  { unified_memory: _ofTheWhole, ...whole }: GpuDevice,
  { uuid, profile, memory }: { uuid: string; profile: string | undefined; memory: number },
): GpuDevice => ({
  ...whole,
  // As CUDA itself names it.
  raw_name: `${whole.raw_name} MIG${profile ? ` ${profile}` : ""}`,
  id: uuid,
  memory_mib: memory,
  parent_id: whole.id,
  ...(profile ? { mig_profile: profile } : {}),
});
