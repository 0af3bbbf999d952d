import type { GpuDevice } from "../../shared/protocol/inventory.ts";
import { askTool, type ToolOptions } from "./tool.ts";

/**
 * Every driver since 2013 knows these fields. Newer ones (`mig.mode.current`) make an older nvidia-smi refuse the
 * whole query, so they are not asked for.
 */
const FIELDS = ["index", "name", "memory.total", "uuid", "driver_version", "pci.bus_id"];

/** GPUs that `nvidia-smi` lists, and what went wrong; both, when it lost some of them (docs/spec/agent.md §1.2). */
export const readNvidiaGpus = async (
  options: ToolOptions,
): Promise<{ gpus: GpuDevice[]; failure?: string }> => {
  const args = [`--query-gpu=${FIELDS.join(",")}`, "--format=csv,noheader,nounits"];
  const { stdout, failure } = await askTool("nvidia-smi", args, options);
  const gpus = parseNvidiaGpus(stdout);
  return failure === undefined ? { gpus } : { gpus, failure };
};

const UUID = /^GPU-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * One GPU per line of six fields. Other lines are complaints (a lost GPU, a driver that does not answer) and are
 * passed over, so that one bad GPU does not hide the others; one without its UUID could not be given to a job.
 * A MIG-partitioned GPU is listed as the one GPU it is.
 */
export const parseNvidiaGpus = (stdout: string): GpuDevice[] =>
  stdout.split("\n").flatMap((line) => {
    const [index = "", name = "", memory = "", uuid = "", driver = "", bus = "", ...rest] = line
      .split(",")
      .map((field) => field.trim());
    if (rest.length > 0 || !/^\d{1,4}$/.test(index) || !name || !UUID.test(uuid)) return [];
    return {
      vendor: "nvidia" as const,
      raw_name: name,
      id: uuid,
      index: Number(index),
      memory_mib: /^\d{1,9}$/.test(memory) ? Number(memory) : 0,
      ...(isMissing(bus) ? {} : { bus_id: bus.toLowerCase() }),
      ...(isMissing(driver) ? {} : { driver_version: driver }),
    };
  });

/** Words for "no value", bare or in brackets, as different drivers write them (docs/spec/agent.md §1.1). */
const isMissing = (value: string): boolean =>
  value === "" ||
  /^\[?(n\/a|unknown( error)?|not supported|not available|insufficient permissions)\]?$/i.test(value);

/** Chips without memory of their own: the driver answers `[N/A]`, and what they can use is the host's. */
const SHARES_HOST_MEMORY = /\bGB10\b|\(nvgpu\)/;

export const withHostMemory = (gpu: GpuDevice, hostMemoryMib: number): GpuDevice =>
  gpu.memory_mib === 0 && SHARES_HOST_MEMORY.test(gpu.raw_name) ? { ...gpu, memory_mib: hostMemoryMib } : gpu;
