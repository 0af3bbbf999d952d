import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { readText } from "../../shared/proc/readText.ts";
import type { HostUsage } from "../../shared/protocol/metrics.ts";
import { parseKeyed, parseNetDev } from "./parse.ts";

export interface HostOptions {
  /** "/" but in tests. */
  root: string;
  /** On the file system that jobs write on. */
  dir: string;
}

/** See processTree.ts. */
const TICK_US = 10_000;
const SECTOR_BYTES = 512;

/** Everything of the host but its GPUs. */
export const readHostUsage = async ({ root, dir }: HostOptions): Promise<Omit<HostUsage, "gpus">> => {
  const memory = parseKeyed(readText(join(root, "proc/meminfo")) ?? "");
  const total = (memory.get("MemTotal") ?? 0) * 1024;
  const network = parseNetDev(readText(join(root, "proc/net/dev")) ?? "");
  const disk = parseDiskStats(readText(join(root, "proc/diskstats")) ?? "");
  return {
    cpu_us: parseCpuTime(readText(join(root, "proc/stat")) ?? ""),
    memory_bytes: Math.max(0, total - (memory.get("MemAvailable") ?? total) * 1024),
    memory_total_bytes: total,
    disk_read_bytes: disk.read,
    disk_write_bytes: disk.written,
    network_in_bytes: network.received,
    network_out_bytes: network.sent,
    ...(await space(dir)),
  };
};

/** The first line of /proc/stat (proc_stat(5)): user, nice, system, irq, softirq and steal; guests are in the first two. */
export const parseCpuTime = (stat: string): number => {
  const ticks = /^cpu +((?:\d{1,15} *)+)$/m.exec(stat)?.[1]?.trim().split(/ +/).map(Number) ?? [];
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = ticks;
  return (user + nice + system + irq + softirq + steal) * TICK_US;
};

/** Whole disks of /proc/diskstats (iostats.rst): partitions and what is stacked on disks would count twice. */
export const parseDiskStats = (text: string): { read: number; written: number } => {
  const disk = { read: 0, written: 0 };
  const lines = text.matchAll(/^ *\d+ +\d+ (\S+)((?: +\d{1,15}){11,})$/gm);
  for (const [, name = "", numbers = ""] of lines) {
    if (!WHOLE_DISK.test(name)) continue;
    const [, , read = 0, , , , written = 0] = numbers.trim().split(/ +/).map(Number);
    disk.read += read * SECTOR_BYTES;
    disk.written += written * SECTOR_BYTES;
  }
  return disk;
};

const WHOLE_DISK = /^(?:[svh]d[a-z]+|xvd[a-z]+|nvme\d+n\d+|mmcblk\d+)$/;

const space = async (dir: string): Promise<Pick<HostUsage, "disk_used_bytes" | "disk_total_bytes">> => {
  try {
    const { bsize, blocks, bfree } = await statfs(dir);
    return { disk_used_bytes: (blocks - bfree) * bsize, disk_total_bytes: blocks * bsize };
  } catch {
    // A file system that hangs or is gone is for the jobs to tell.
    return {};
  }
};
