import type { GpuUsage } from "../../../shared/protocol/metrics.ts";

const MIB = 1024 ** 2;

/** A plain number, with or without its unit; what a tool says instead of one (`[N/A]`, `ERR!`) is no value. */
export const numberOf = (text: unknown): number | undefined => {
  const digits = /^\s*(-?\d{1,15}(?:\.\d{1,9})?)\s*(?:%|[A-Za-z°]{1,4})?\s*$/.exec(String(text ?? ""))?.[1];
  return digits === undefined ? undefined : Number(digits);
};

/** As tools name what they measure. */
export interface RawUsage {
  utilization?: unknown;
  memoryUsedMib?: unknown;
  memoryTotalMib?: unknown;
  memoryUsedBytes?: unknown;
  memoryTotalBytes?: unknown;
  temperature?: unknown;
  power?: unknown;
}

/** What of it is a value, and a possible one: each by itself, so that one that is missing takes no other with it. */
export const usageOf = (raw: RawUsage): GpuUsage => {
  const utilization = numberOf(raw.utilization);
  const temperature = numberOf(raw.temperature);
  const power = numberOf(raw.power);
  const used = bytesOf(raw.memoryUsedBytes, raw.memoryUsedMib);
  const total = bytesOf(raw.memoryTotalBytes, raw.memoryTotalMib);
  return {
    ...(utilization !== undefined && utilization >= 0 && utilization <= 100 ? { utilization } : {}),
    ...(used === undefined ? {} : { memory_bytes: used }),
    ...(total ? { memory_total_bytes: total } : {}),
    // Colder than it ever gets outside: the word of a sensor that is not there.
    ...(temperature !== undefined && temperature > -100 && temperature < 300 ? { temperature } : {}),
    ...(power !== undefined && power >= 0 && power < 1e5 ? { power } : {}),
  };
};

const bytesOf = (bytes: unknown, mebibytes: unknown): number | undefined => {
  const value = numberOf(bytes) ?? timesMib(numberOf(mebibytes));
  return value === undefined || value < 0 || value > Number.MAX_SAFE_INTEGER ? undefined : Math.round(value);
};

const timesMib = (value: number | undefined): number | undefined =>
  value === undefined ? undefined : value * MIB;
