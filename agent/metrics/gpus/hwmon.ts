import { readdirSync } from "node:fs";
import { join } from "node:path";
import { readText } from "../../../shared/proc/readText.ts";
import { numberOf } from "./values.ts";

/** A sensor of a device (kernel documentation, hwmon/sysfs-interface), in units of a `scale`th; undefined: it has none. */
export const readSensor = (device: string, name: string, scale: number): number | undefined => {
  for (const folder of listFolder(join(device, "hwmon"))) {
    const value = numberOf(readText(join(device, "hwmon", folder, name)));
    if (value !== undefined) return Math.round((value / scale) * 10) / 10;
  }
  return undefined;
};

/** Thousandths of a degree, millionths of a watt. */
export const MILLI = 1e3;
export const MICRO = 1e6;

const listFolder = (path: string): string[] => {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
};
