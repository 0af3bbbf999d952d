import { basename, join } from "node:path";
import type { GpuUsage } from "../../../shared/protocol/metrics.ts";
import { MICRO, MILLI, readSensor } from "./hwmon.ts";
import { usageOf } from "./values.ts";

/**
 * What the driver tells of a board (github.com/tenstorrent/tt-kmd, hwmon). `id` is its node, `/dev/tenstorrent/0`. How busy
 * a board is, and how much of its memory is used, neither the driver nor tt-smi tells. Undefined: there is nothing.
 */
export const readTenstorrent = (root: string, id: string): GpuUsage | undefined => {
  const device = join(root, "sys/class/tenstorrent", `tenstorrent!${basename(id)}`, "device");
  const usage = usageOf({
    temperature: readSensor(device, "temp1_input", MILLI),
    power: readSensor(device, "power1_input", MICRO),
  });
  return Object.keys(usage).length > 0 ? usage : undefined;
};
