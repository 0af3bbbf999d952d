import { readlinkSync } from "node:fs";
import { basename, join } from "node:path";
import type { GpuDevice, GpuHealth } from "../../shared/protocol/inventory.ts";
import { type AmdGpu, askAmdSmi, askRocmSmi } from "./amdTools.ts";
import { type Found, failed, type ReadOptions } from "./found.ts";
import { type KfdGpu, listKfdGpus } from "./kfd.ts";
import { list, read } from "./pci.ts";
import { amdProductName } from "./pciNames.ts";

/**
 * A processor's own graphics carve a little out of its memory and are no use to jobs, but the compute driver lists them
 * like any other GPU. No accelerator is sold with so little.
 */
const LEAST_MEMORY_MIB = 3 * 1024;

/**
 * GPUs that `amd-smi` lists or, where that is missing or fails, `rocm-smi`, or else the kernel itself
 * (docs/spec/agent.md §1.3). How they are connected and how they do, the kernel knows best in any case.
 */
export const readAmdGpus = async (options: ReadOptions): Promise<Found> => {
  const { root } = options;
  const kfd = listKfdGpus(root);
  const failures: string[] = [];
  let named: AmdGpu[] = [];
  for (const ask of [askAmdSmi, askRocmSmi]) {
    const answer = await ask(options);
    if (answer.failure !== undefined) failures.push(answer.failure);
    named = answer.gpus;
    if (named.length > 0) break;
  }
  const isToolless = named.length === 0;
  if (isToolless) named = kfd.map((gpu, index) => fromKernel(root, gpu, index));
  const gpus = named.flatMap((gpu) => toDevice(root, gpu, kfd));
  const hasSome = gpus.length > 0 || named.length > 0;
  return { gpus, failures: hasSome ? [] : [failures.join("; ") || "No AMD GPU is listed"] };
};

const fromKernel = (root: string, { bus, device, memoryMib }: KfdGpu, index: number): AmdGpu => {
  const pci = join(root, "sys/bus/pci/devices", bus);
  const sold = read(join(pci, "product_name"));
  const bytes = Number(read(join(pci, "mem_info_vram_total")));
  const driver = read(join(root, "sys/module/amdgpu/version"));
  return {
    vendor: "amd",
    raw_name: sold === "" ? amdProductName(root, device) : sold,
    index,
    memory_mib: Number.isSafeInteger(bytes) && bytes > 0 ? Math.floor(bytes / 1024 ** 2) : memoryMib,
    bus_id: bus,
    ...(driver ? { driver_version: driver } : {}),
  };
};

/** None for a processor's own graphics; one without a render node cannot be given to a job. */
const toDevice = (root: string, gpu: AmdGpu, kfd: readonly KfdGpu[]): GpuDevice[] => {
  if (gpu.memory_mib > 0 && gpu.memory_mib < LEAST_MEMORY_MIB) return [];
  const at = kfd.findIndex(({ bus }) => bus === gpu.bus_id);
  const node = kfd[at];
  const id = node?.renderNode ?? renderNode(root, gpu.bus_id);
  const health = id === undefined ? failed("It has no render node in /dev/dri") : amdHealth(root, gpu.bus_id);
  return [
    {
      ...gpu,
      id: id ?? gpu.bus_id,
      ...(at >= 0 ? { index: at } : {}),
      ...(node?.hasXgmi ? { interconnect: "xgmi" } : {}),
      ...(health ? { health } : {}),
    },
  ];
};

/**
 * The kernel counts the errors of the memory (`ue: 0`, `ce: 12`) since the driver was loaded, and takes the pages out
 * of use by itself (docs.kernel.org/gpu/amdgpu/ras.html).
 */
const amdHealth = (root: string, bus: string): GpuHealth | undefined => {
  const counters = read(join(root, "sys/bus/pci/devices", bus, "ras/umc_err_count"));
  const errors = Number(/^ue: (\d{1,9})$/m.exec(counters)?.[1] ?? 0);
  if (errors === 0) return undefined;
  const noun = errors === 1 ? "error" : "errors";
  return { status: "warning", reason: `${errors} uncorrectable memory ${noun} since the driver was loaded` };
};

/** `/dev/dri/renderD128` for a bus address: sysfs knows it, udev's links are the second source. */
const renderNode = (root: string, bus: string): string | undefined => {
  const inSysfs = list(join(root, "sys/bus/pci/devices", bus, "drm")).find((name) =>
    /^renderD\d+$/.test(name),
  );
  const name = inSysfs ?? linkedNode(join(root, `dev/dri/by-path/pci-${bus}-render`));
  return name === undefined ? undefined : `/dev/dri/${name}`;
};

const linkedNode = (path: string): string | undefined => {
  try {
    return basename(readlinkSync(path));
  } catch {
    return undefined;
  }
};
