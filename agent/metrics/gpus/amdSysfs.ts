import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import type { GpuUsage } from "../../../shared/protocol/metrics.ts";
import { readText } from "../readText.ts";
import { numberOf, usageOf } from "./values.ts";

/**
 * What the driver itself tells (kernel documentation, amdgpu: gpu_busy_percent, mem_info_vram_*, hwmon): no process is
 * needed. `id` is the render node, `/dev/dri/renderD128`. Undefined: it does not tell how busy the GPU is.
 */
export const readAmdSysfs = (root: string, id: string): GpuUsage | undefined => {
  const device = join(root, "sys/class/drm", basename(id), "device");
  const utilization = readText(join(device, "gpu_busy_percent"));
  if (numberOf(utilization) === undefined) return undefined;
  const sensor = (name: string) => readSensor(device, name);
  return usageOf({
    utilization,
    memoryUsedBytes: readText(join(device, "mem_info_vram_used")),
    memoryTotalBytes: readText(join(device, "mem_info_vram_total")),
    // Thousandths of a degree, millionths of a watt.
    temperature: divided(sensor("temp1_input"), 1e3),
    power: divided(sensor("power1_average") ?? sensor("power1_input"), 1e6),
  });
};

const divided = (value: number | undefined, by: number): number | undefined =>
  value === undefined ? undefined : Math.round((value / by) * 10) / 10;

const readSensor = (device: string, name: string): number | undefined => {
  for (const folder of listFolder(join(device, "hwmon"))) {
    const value = numberOf(readText(join(device, "hwmon", folder, name)));
    if (value !== undefined) return value;
  }
  return undefined;
};

const listFolder = (path: string): string[] => {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
};
