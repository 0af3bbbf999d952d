import type { GpuUsage } from "../../../shared/protocol/metrics.ts";
import { askTool, type ToolOptions } from "../../inventory/tool.ts";
import { usageOf } from "./values.ts";

const FIELDS = ["index", "utilization.aip", "memory.used", "memory.total", "temperature.aip", "power.draw"];

/** All Gaudi devices in one call of hl-smi, by their indices (docs/spec/agent.md §1.4, §6). */
export const readGaudiUsage = async (options: ToolOptions): Promise<Map<number, GpuUsage>> => {
  const args = [`--query-aip=${FIELDS.join(",")}`, "--format=csv,noheader,nounits"];
  return parseGaudiUsage((await askTool("hl-smi", args, options)).stdout);
};

export const parseGaudiUsage = (stdout: string): Map<number, GpuUsage> => {
  const found = new Map<number, GpuUsage>();
  for (const line of stdout.split("\n")) {
    const [index = "", utilization, memoryUsedMib, memoryTotalMib, temperature, power, ...rest] = line
      .split(",")
      .map((field) => field.trim());
    if (!/^\d{1,3}$/.test(index) || power === undefined || rest.length > 0) continue;
    found.set(Number(index), usageOf({ utilization, memoryUsedMib, memoryTotalMib, temperature, power }));
  }
  return found;
};
