import type { GpuDevice } from "../../shared/protocol/inventory.ts";
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
 * GPUs, and in the place of those that are divided their slices: these are what a job can be given. One that is
 * divided into nothing stays, and can be given to nobody. Numbered anew.
 */
export const withSlices = (gpus: readonly NvidiaGpu[], listed: readonly ListedSlice[]): GpuDevice[] => {
  const devices = gpus.flatMap(({ device, slices }): GpuDevice[] => {
    if (!slices) return [device];
    const named = listed.filter((slice) => slice.parent === device.id);
    const all =
      named.length > 0 ? named : slices.map(({ index, uuid }) => ({ index, uuid, profile: undefined }));
    const found = all.flatMap(({ index, uuid, profile }): GpuDevice[] => {
      if (uuid === undefined) return [];
      const memory = slices.find((slice) => slice.index === index)?.memory_mib;
      const { unified_memory: _ofTheWhole, ...rest } = device;
      return [
        {
          ...rest,
          // As CUDA itself names it.
          raw_name: profile ? `${device.raw_name} MIG ${profile}` : `${device.raw_name} MIG`,
          id: uuid,
          memory_mib: memory ?? 0,
          parent_id: device.id,
          ...(profile ? { mig_profile: profile } : {}),
        },
      ];
    });
    if (found.length > 0) return found;
    return [{ ...device, health: device.health?.status === "failure" ? device.health : UNDIVIDED }];
  });
  return devices.map((device, index) => ({ ...device, index }));
};

const UNDIVIDED = {
  status: "failure" as const,
  reason: "MIG is on and no instance can be used: make some (nvidia-smi mig -cgi ... -C) or turn it off",
};
