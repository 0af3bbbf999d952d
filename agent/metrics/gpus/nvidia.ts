import type { GpuUsage } from "../../../shared/protocol/metrics.ts";
import { askTool, type ToolOptions } from "../../inventory/tool.ts";
import { usageOf } from "./values.ts";

/** Every driver since 2013 knows these; one that is not known makes an older nvidia-smi refuse the whole query. */
const FIELDS = ["uuid", "utilization.gpu", "memory.used", "memory.total", "temperature.gpu", "power.draw"];

/** All GPUs in one call of nvidia-smi, by their UUIDs. */
export const readNvidiaUsage = async (options: ToolOptions): Promise<Map<string, GpuUsage>> => {
  const args = [`--query-gpu=${FIELDS.join(",")}`, "--format=csv,noheader,nounits"];
  return parseNvidiaUsage((await askTool("nvidia-smi", args, options)).stdout);
};

/** A line per GPU; other lines are complaints about single ones. */
export const parseNvidiaUsage = (stdout: string): Map<string, GpuUsage> => {
  const found = new Map<string, GpuUsage>();
  for (const line of stdout.split("\n")) {
    const [uuid = "", utilization, memoryUsedMib, memoryTotalMib, temperature, power, ...rest] = line
      .split(",")
      .map((field) => field.trim());
    if (!/^GPU-[0-9a-f-]{36}$/i.test(uuid) || power === undefined || rest.length > 0) continue;
    found.set(uuid, usageOf({ utilization, memoryUsedMib, memoryTotalMib, temperature, power }));
  }
  return found;
};
