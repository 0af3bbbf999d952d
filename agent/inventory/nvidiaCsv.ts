import type { GpuDevice } from "../../shared/protocol/inventory.ts";
import { isMissing } from "./found.ts";
import { GPU_UUID } from "./nvidiaXml.ts";
import { busAddress } from "./pci.ts";

/**
 * Every driver since 2013 knows these fields (docs/spec/agent.md §1.2). Newer ones (`mig.mode.current`) make an older
 * nvidia-smi refuse the whole query, so they are not asked for.
 */
const FIELDS = ["index", "name", "memory.total", "uuid", "driver_version", "pci.bus_id"];
export const NVIDIA_CSV_ARGS = [`--query-gpu=${FIELDS.join(",")}`, "--format=csv,noheader,nounits"];

/**
 * One GPU per line of six fields. Other lines are complaints (a lost GPU, a driver that does not answer) and are
 * passed over, so that one bad GPU does not hide the others; one without its UUID could not be given to a job.
 */
export const parseNvidiaCsv = (stdout: string): GpuDevice[] =>
  stdout.split("\n").flatMap((line) => {
    const [index = "", name = "", memory = "", uuid = "", driver = "", bus = "", ...rest] = line
      .split(",")
      .map((field) => field.trim());
    const address = busAddress(bus);
    if (rest.length > 0 || !/^\d{1,4}$/.test(index) || !name || !GPU_UUID.test(uuid)) return [];
    return {
      vendor: "nvidia" as const,
      raw_name: name,
      id: uuid,
      index: Number(index),
      memory_mib: /^\d{1,9}$/.test(memory) ? Number(memory) : 0,
      ...(/^\[?(n\/a|not supported)\]?$/i.test(memory) ? { unified_memory: true } : {}),
      ...(address ? { bus_id: address } : {}),
      ...(isMissing(driver) ? {} : { driver_version: driver }),
    };
  });
