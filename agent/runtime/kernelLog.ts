import { closeSync, constants, openSync, readSync } from "node:fs";

/** A record is at most this long (`PRINTKRB_RECORD_MAX` of Linux is 8 KiB). */
const LONGEST_RECORD = 8 * 1024;

/**
 * The kernel's log, from the oldest record that it still has: `LEVEL,NUMBER,TIME,FLAGS;TEXT` (Linux,
 * Documentation/ABI/testing/dev-kmsg). Empty where it may not be read.
 */
export function* readKernelLog(path = "/dev/kmsg"): Generator<string> {
  let log: number;
  try {
    log = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    // Not root, or a kernel without one: what it could tell stays unknown.
    return;
  }
  const record = Buffer.alloc(LONGEST_RECORD);
  try {
    for (;;) {
      const length = readRecord(log, record);
      if (length === 0) return;
      if (length !== undefined) yield record.toString("utf8", 0, length);
    }
  } finally {
    closeSync(log);
  }
}

/** Its length; 0: there are no more; undefined: it was overwritten before it was read. */
const readRecord = (log: number, record: Buffer): number | undefined => {
  try {
    return readSync(log, record);
  } catch (err) {
    // EAGAIN at its end. Where it is something else, as a console in some containers, what it says is of no use.
    return (err as NodeJS.ErrnoException).code === "EPIPE" ? undefined : 0;
  }
};

/** Whether the kernel has killed a process of a container for want of memory: the container's id is in its cgroup's name. */
export const tellsOfOomKill = (records: Iterable<string>, containerId: string): boolean => {
  for (const record of records) if (record.includes("oom-kill:") && record.includes(containerId)) return true;
  return false;
};
