import type { GpuDevice } from "../../../shared/protocol/inventory.ts";
import type { GpuUsage } from "../../../shared/protocol/metrics.ts";
import { askTool, type ToolOptions } from "../../inventory/tool.ts";
import { childrenOf, parseXml, textAt, type XmlElement } from "../../inventory/xml.ts";
import { usageOf } from "./values.ts";

/**
 * What MIG slices use of their memory, by their UUIDs, and how hot the GPU is that they are part of. How busy a slice is
 * the driver does not tell (`utilization.gpu` is `[N/A]`), and power is the whole GPU's.
 */
export const readSliceUsage = async (
  slices: readonly GpuDevice[],
  options: ToolOptions,
): Promise<Map<string, GpuUsage>> =>
  parseSliceUsage((await askTool("nvidia-smi", ["-q", "-x"], options)).stdout, slices);

export const parseSliceUsage = (stdout: string, slices: readonly GpuDevice[]): Map<string, GpuUsage> => {
  const log = parseXml(stdout, "nvidia_smi_log");
  const found = new Map<string, GpuUsage>();
  for (const gpu of log ? childrenOf(log, "gpu") : []) {
    const own = slices
      .filter((slice) => slice.parent_id === textAt(gpu, "uuid"))
      .sort((a, b) => a.index - b.index);
    const told = childrenOf(gpu, "mig_devices").flatMap((all) => childrenOf(all, "mig_device"));
    for (const [at, slice] of told.entries()) {
      // Older drivers tell no UUID here; the order is that in which they were listed.
      const uuid = textAt(slice, "uuid");
      const device = uuid === "" ? own[at] : own.find(({ id }) => id === uuid);
      if (device) found.set(device.id, usageOfSlice(slice, gpu));
    }
  }
  return found;
};

const usageOfSlice = (slice: XmlElement, gpu: XmlElement): GpuUsage =>
  usageOf({
    memoryUsedMib: textAt(slice, "fb_memory_usage/used"),
    memoryTotalMib: textAt(slice, "fb_memory_usage/total"),
    temperature: textAt(gpu, "temperature/gpu_temp"),
  });
