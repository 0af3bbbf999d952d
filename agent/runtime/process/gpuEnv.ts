import type { GpuDevice } from "../../../shared/protocol/inventory.ts";

/**
 * What makes a job see its own devices alone. Variables are all that a process without a container can be given;
 * each vendor's libraries read their own: CUDA_VISIBLE_DEVICES (CUDA programming guide), ROCR_VISIBLE_DEVICES
 * (ROCm documentation, GPU isolation), HABANA_VISIBLE_MODULES (Gaudi), TT_VISIBLE_DEVICES (tt-metal). A job that has
 * them all gets none of these: some frameworks cannot read the ids.
 */
export const gpuEnv = (ids: readonly string[], devices: readonly GpuDevice[]): Record<string, string> => {
  const given = devices.filter((device) => ids.includes(device.id));
  if (given.length === devices.length) return {};
  const vendors = new Set(devices.map((device) => device.vendor));
  const indices = given.map((device) => device.index).join(",");
  return {
    ...(vendors.has("nvidia") ? { CUDA_VISIBLE_DEVICES: given.map((device) => device.id).join(",") } : {}),
    ...(vendors.has("amd") ? { ROCR_VISIBLE_DEVICES: indices } : {}),
    ...(vendors.has("intel") ? { HABANA_VISIBLE_MODULES: indices } : {}),
    ...(vendors.has("tenstorrent") ? { TT_VISIBLE_DEVICES: indices } : {}),
  };
};
