import { basename, join } from "node:path";
import { readText } from "../../../shared/proc/readText.ts";
import type { GpuUsage } from "../../../shared/protocol/metrics.ts";
import { MICRO, MILLI, readSensor } from "./hwmon.ts";
import { numberOf, usageOf } from "./values.ts";

/**
 * What the driver itself tells (kernel documentation, amdgpu: gpu_busy_percent, mem_info_vram_*, hwmon): no process is
 * needed. `id` is the render node, `/dev/dri/renderD128`. Undefined: it does not tell how busy the GPU is.
 */
export const readAmdSysfs = (root: string, id: string): GpuUsage | undefined => {
  const device = join(root, "sys/class/drm", basename(id), "device");
  const utilization = readText(join(device, "gpu_busy_percent"));
  if (numberOf(utilization) === undefined) return undefined;
  return usageOf({
    utilization,
    memoryUsedBytes: readText(join(device, "mem_info_vram_used")),
    memoryTotalBytes: readText(join(device, "mem_info_vram_total")),
    temperature: readSensor(device, "temp1_input", MILLI),
    power: readSensor(device, "power1_average", MICRO) ?? readSensor(device, "power1_input", MICRO),
  });
};
