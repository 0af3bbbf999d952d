import { readFileSync } from "node:fs";
import { delay } from "../../shared/async/delay.ts";

/** Memory of a process in MiB: all that is mapped, and what is its own. */
export const readMemory = (pid: number): { rssMib: number; anonymousMib: number } => {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const mib = (key: string) => Number(status.match(new RegExp(`^${key}:\\s+(\\d+) kB`, "m"))?.[1]) / 1024;
  return { rssMib: mib("VmRSS"), anonymousMib: mib("RssAnon") };
};

/** What is its own; undefined: the process has ended, and takes nothing. */
export const ownMemory = (pid: number): number | undefined => {
  try {
    const { anonymousMib } = readMemory(pid);
    return Number.isNaN(anonymousMib) ? undefined : anonymousMib;
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw err;
  }
};

/** Clock ticks of user and system time; 100 a second on every Linux that we run on. */
const TICKS_PER_SECOND = 100;

/** What a process has used so far, of all cores. */
export const cpuSeconds = (pid: number): number => {
  // The command's name, in brackets, may hold spaces.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
};

/** Share of one core that each process uses while nothing happens, in percent. */
export const measureIdleCpu = async (pids: readonly number[], seconds: number): Promise<number[]> => {
  const before = pids.map(cpuSeconds);
  await delay(seconds * 1000);
  return pids.map((pid, at) => ((cpuSeconds(pid) - (before[at] ?? 0)) / seconds) * 100);
};
