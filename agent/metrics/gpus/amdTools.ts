import { z } from "zod";
import type { GpuUsage } from "../../../shared/protocol/metrics.ts";
import { askTool, type ToolOptions } from "../../inventory/tool.ts";
import { usageOf } from "./values.ts";

/** All GPUs in one call of `amd-smi` or, where that is missing or fails, of `rocm-smi`, by their indices. */
export const readAmdTools = async (options: ToolOptions): Promise<Map<number, GpuUsage>> => {
  // p: power, t: temperature, u: utilization, v: memory.
  const found = parseAmdMonitor((await askTool("amd-smi", ["monitor", "-ptuv", "--csv"], options)).stdout);
  if (found.size > 0) return found;
  const args = ["--showuse", "--showmeminfo", "vram", "--showtemp", "--showpower", "--json"];
  return parseRocmUsage((await askTool("rocm-smi", args, options)).stdout);
};

/** The columns' names differ between versions (docs/spec/agent.md §6); a value may have its unit with it. */
const COLUMNS = {
  utilization: ["gfx", "gfx_util", "gfx%"],
  memoryUsedMib: ["vram_used"],
  memoryTotalMib: ["vram_total"],
  temperature: ["hotspot_temperature", "gpu_temp", "gpu_t"],
  power: ["power_usage", "power"],
} as const;

/** Lines of `amd-smi monitor --csv`, by the header that stands before them. */
export const parseAmdMonitor = (stdout: string): Map<number, GpuUsage> => {
  const found = new Map<number, GpuUsage>();
  let header: string[] = [];
  for (const line of stdout.split("\n")) {
    const fields = line.split(",").map((field) => field.trim().toLowerCase());
    if (fields[0] === "gpu") header = fields;
    else if (/^\d{1,3}$/.test(fields[0] ?? "") && fields.length === header.length) {
      const value = (names: readonly string[]) => fields[header.findIndex((name) => names.includes(name))];
      const raw = Object.entries(COLUMNS).map(([key, names]) => [key, value(names)]);
      found.set(Number(fields[0]), usageOf(Object.fromEntries(raw)));
    }
  }
  return found;
};

const Fields = z.record(z.string(), z.unknown()).catch({});

/** `{"card0": {"GPU use (%)": "0", …}}`; the spelling of the keys changes between versions. */
export const parseRocmUsage = (stdout: string): Map<number, GpuUsage> => {
  const found = new Map<number, GpuUsage>();
  for (const [card, values] of Object.entries(Fields.parse(parseJson(stdout)))) {
    const index = /^card(\d{1,3})$/.exec(card)?.[1];
    if (index === undefined) continue;
    const fields = Object.entries(Fields.parse(values));
    const value = (pattern: RegExp) => fields.find(([key]) => pattern.test(key))?.[1];
    const usage = usageOf({
      utilization: value(/^gpu use/i),
      memoryUsedBytes: value(/^vram total used/i),
      memoryTotalBytes: value(/^vram total memory/i),
      temperature: value(/^temperature \(sensor (junction|edge)\)/i),
      power: value(/package power/i),
    });
    found.set(Number(index), usage);
  }
  return found;
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
