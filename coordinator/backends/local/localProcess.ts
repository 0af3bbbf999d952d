import { readdirSync, readFileSync } from "node:fs";
import { z } from "zod";

/** A process as it is known again by another one: ids are given anew, the time of the start tells them apart. */
export const ProcessRecord = z.object({ pid: z.number().int().positive(), start_time: z.string() });
export type ProcessRecord = z.infer<typeof ProcessRecord>;

/** Facts of /proc (proc(5)); a process that is gone meanwhile is no error. */
const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
};

/** Fields of /proc/PID/stat from the third on: the second, the name, may hold anything. */
const statFields = (pid: number): string[] | undefined => {
  const text = read(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(")") + 2).split(" ");
};

const STATE = 0;
const START_TIME = 19;

export const recordOf = (pid: number): ProcessRecord => ({
  pid,
  start_time: statFields(pid)?.[START_TIME] ?? "",
});

/** That very process still runs, and is no zombie. */
export const isRunning = ({ pid, start_time }: ProcessRecord): boolean => {
  const fields = statFields(pid);
  return fields !== undefined && fields[START_TIME] === start_time && !"ZXx".includes(fields[STATE] ?? "Z");
};

/** Those with something under the folder among their arguments: the agent of an instance, and what supervises its jobs. */
export const listProcessesOf = (folder: string): ProcessRecord[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) =>
      (read(`/proc/${pid}/cmdline`) ?? "")
        .split("\0")
        .some((arg) => arg === folder || arg.startsWith(`${folder}/`)),
    )
    .map((pid) => recordOf(Number(pid)))
    .filter(isRunning);

export const sendSignal = (record: ProcessRecord, signal: "SIGTERM" | "SIGKILL"): void => {
  if (!isRunning(record)) return;
  try {
    process.kill(record.pid, signal);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== "ESRCH") throw err;
  }
};
