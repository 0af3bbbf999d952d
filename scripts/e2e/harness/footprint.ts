import { readdirSync, readFileSync } from "node:fs";

/** What a process has of the machine at this moment. */
export interface Footprint {
  descriptors: number;
  /** Memory of its own, not that of files. */
  anonMiB: number;
}

export const footprintOf = (pid: number): Footprint => {
  const [, kib = "0"] = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return { descriptors: readdirSync(`/proc/${pid}/fd`).length, anonMiB: Number(kib) / 1024 };
};
