import { z } from "zod";
import type { GpuDevice } from "../../shared/protocol/inventory.ts";
import { known } from "./found.ts";
import { busAddress } from "./pci.ts";
import { askTool, type ToolOptions } from "./tool.ts";

/** An AMD GPU as a tool names it; the render node, which attachment takes, is found by its bus address. */
export type AmdGpu = Omit<GpuDevice, "id" | "bus_id"> & { bus_id: string };

type Asked = Promise<{ gpus: AmdGpu[]; failure?: string }>;

/** Of ROCm 5.7 and newer (docs/spec/agent.md §1.3). */
export const askAmdSmi = async (options: ToolOptions): Asked => {
  const args = ["static", "--json", "--asic", "--vram", "--bus"];
  const withDriver = await askTool("amd-smi", [...args, "--driver"], options);
  // Older ones do not know --driver.
  const answer = withDriver.exitCode !== undefined ? await askTool("amd-smi", args, options) : withDriver;
  const gpus = parseAmdSmi(answer.stdout);
  return answer.failure === undefined ? { gpus } : { gpus, failure: answer.failure };
};

/** The tool before amd-smi. */
export const askRocmSmi = async (options: ToolOptions): Asked => {
  const args = ["--showproductname", "--showbus", "--showmeminfo", "vram", "--showdriverversion", "--json"];
  const { stdout, failure } = await askTool("rocm-smi", args, options);
  const gpus = parseRocmSmi(stdout);
  return failure === undefined ? { gpus } : { gpus, failure };
};

const Text = z.record(z.string(), z.unknown()).catch({});
const AmdSmiGpu = z.object({
  gpu: z.number().int().nonnegative(),
  asic: Text,
  bus: Text,
  vram: Text,
  driver: Text,
});

/** ROCm 6 prints a list, ROCm 7 wraps it; before 6.1 sizes were plain numbers (docs/spec/agent.md §1.3). */
export const parseAmdSmi = (stdout: string): AmdGpu[] => {
  const parsed = parseJson(stdout);
  const wrapped = z.object({ gpu_data: z.array(z.unknown()) }).safeParse(parsed);
  const entries = wrapped.success ? wrapped.data.gpu_data : Array.isArray(parsed) ? parsed : [];
  return entries.flatMap((entry) => {
    const gpu = AmdSmiGpu.safeParse({ asic: {}, bus: {}, vram: {}, driver: {}, ...Text.parse(entry) });
    if (!gpu.success) return [];
    const { asic, bus, vram, driver } = gpu.data;
    const [name, bdf] = [textOf(asic["market_name"]), textOf(bus["bdf"])];
    const address = busAddress(bdf ?? "");
    if (!name || !address) return [];
    const version = textOf(driver["version"]) ?? textOf(driver["driver_version"]);
    return {
      vendor: "amd" as const,
      raw_name: name,
      index: gpu.data.gpu,
      memory_mib: mebibytes(vram["size"] ?? vram["vram_size_mb"] ?? vram["size_mb"]),
      bus_id: address,
      ...(version && !isKernelBanner(version) ? { driver_version: version } : {}),
    };
  });
};

/**
 * `{"card0": {...}, "system": {...}}`. The spelling of keys changes between versions (`Card series`, `Card Series`);
 * so does the name, which may be a chip's with the product's in brackets.
 */
export const parseRocmSmi = (stdout: string): AmdGpu[] => {
  const lowerCase = (record: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(record).map(([key, value]) => [key.toLowerCase(), value]));
  const parsed = Text.parse(parseJson(stdout));
  const version = textOf(lowerCase(Text.parse(parsed["system"]))["driver version"]);
  return Object.entries(parsed).flatMap(([card, values]) => {
    const index = /^card(\d{1,4})$/.exec(card)?.[1];
    const fields = lowerCase(Text.parse(values));
    const names = ["card series", "card model", "product name", "device name"].map((key) =>
      textOf(fields[key]),
    );
    // Without its list of names the tool prints the PCI device id instead.
    const name = names.find((found) => found !== undefined && !/^0x/i.test(found));
    const address = busAddress(textOf(fields["pci bus"]) ?? "");
    if (index === undefined || !name || !address) return [];
    const bytes = Number(fields["vram total memory (b)"]);
    return {
      vendor: "amd" as const,
      raw_name: (/\[(.+)\]/.exec(name)?.[1] ?? name).trim(),
      index: Number(index),
      memory_mib: Number.isSafeInteger(bytes) && bytes > 0 ? Math.floor(bytes / 1024 ** 2) : 0,
      bus_id: address,
      ...(version ? { driver_version: version } : {}),
    };
  });
};

/** Both tools may print warnings before the JSON. */
const parseJson = (stdout: string): unknown => {
  const start = stdout.search(/^\s*[[{]/m);
  try {
    return start < 0 ? undefined : JSON.parse(stdout.slice(start));
  } catch {
    return undefined;
  }
};

const textOf = (value: unknown): string | undefined =>
  typeof value === "string" ? known(value.trim()) : undefined;

/** With a driver from the kernel itself the version is the whole of /proc/version, without its spaces. */
const isKernelBanner = (version: string): boolean => version.startsWith("Linuxversion");

const MIB_PER: Record<string, number> = { B: 1 / 1024 ** 2, KB: 1 / 1024, MB: 1, GB: 1024 };

/** `{"value": 196592, "unit": "MB"}`, `65520` or `"65520 MB"`; the tool's MB are MiB. 0: it does not tell. */
const mebibytes = (size: unknown): number => {
  const { value = size, unit = "MB" } = Text.parse(size);
  if (typeof value !== "string" && typeof value !== "number") return 0;
  const [, digits, ownUnit = unit] = /^(\d+)\s*([A-Z]+)?$/.exec(String(value)) ?? [];
  const perUnit =
    typeof ownUnit === "string" && Object.hasOwn(MIB_PER, ownUnit) ? MIB_PER[ownUnit] : undefined;
  const mib = Math.floor(Number(digits) * (perUnit ?? Number.NaN));
  return Number.isSafeInteger(mib) ? mib : 0;
};
