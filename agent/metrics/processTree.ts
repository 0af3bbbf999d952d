import { readText } from "../../shared/proc/readText.ts";
import { descendantsOf } from "../runtime/process/procfs.ts";
import { parseKeyed } from "./parse.ts";

export interface TreeUsage {
  cpuUs: number;
  memoryBytes: number;
  workingSetBytes: number;
  disk: { read: number; written: number };
}

/** What /proc/PID/stat counts processor time in: USER_HZ is 100 on every Linux that Bun runs on (time(7)). */
const TICK_US = 10_000;

/**
 * What a job without a cgroup of its own uses: all processes below its supervisor, which itself is none of the job's. A
 * parent has the times and transfers of the children it has waited for, so that only those of orphans get lost when
 * they end; whoever reads these counters must take them as growing all the same. Undefined: it is gone.
 */
export const readTree = (supervisor: number): TreeUsage | undefined => {
  const own = timesOf(supervisor);
  if (!own) return undefined;
  let cpuUs = own.waitedUs;
  let privateBytes = 0;
  let sharedBytes = 0;
  const disk = { read: 0, written: 0 };
  for (const pid of descendantsOf(supervisor)) {
    const times = timesOf(pid);
    if (!times) continue;
    cpuUs += times.ownUs + times.waitedUs;
    const memory = memoryOf(pid);
    privateBytes += memory.privateBytes;
    // Mapped files and shared memory are mostly the same ones: counted once, by who has most of them.
    sharedBytes = Math.max(sharedBytes, memory.sharedBytes);
    const io = parseKeyed(readText(`/proc/${pid}/io`) ?? "");
    disk.read += io.get("read_bytes") ?? 0;
    disk.written += io.get("write_bytes") ?? 0;
  }
  return { cpuUs, memoryBytes: privateBytes + sharedBytes, workingSetBytes: privateBytes, disk };
};

const timesOf = (pid: number): { ownUs: number; waitedUs: number } | undefined => {
  const text = readText(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // From the third field on: the second, the name, may hold anything.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const at = (field: number) => Number(fields[field - 3] ?? 0) * TICK_US;
  return { ownUs: at(14) + at(15), waitedUs: at(16) + at(17) };
};

/** Of /proc/PID/status (proc_pid_status(5)), in kB. */
const memoryOf = (pid: number): { privateBytes: number; sharedBytes: number } => {
  const status = parseKeyed(readText(`/proc/${pid}/status`) ?? "");
  const bytes = (name: string) => (status.get(name) ?? 0) * 1024;
  return { privateBytes: bytes("RssAnon"), sharedBytes: bytes("RssFile") + bytes("RssShmem") };
};
