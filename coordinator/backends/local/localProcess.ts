import { readdirSync } from "node:fs";
import { z } from "zod";
import { readText } from "../../../shared/proc/readText.ts";
import { isSameAlive, startTimeOf } from "../../../shared/proc/stat.ts";

/** A process as it is known again by another one: ids are given anew, the time of the start tells them apart. */
export const ProcessRecord = z.object({ pid: z.number().int().positive(), start_time: z.string() });
export type ProcessRecord = z.infer<typeof ProcessRecord>;

export const recordOf = (pid: number): ProcessRecord => ({
  pid,
  start_time: startTimeOf(pid),
});

/** That very process still runs, and is no zombie. */
export const isRunning = ({ pid, start_time }: ProcessRecord): boolean => isSameAlive(pid, start_time);

/** Those with something under the folder among their arguments: the agent of an instance, and what supervises its jobs. */
export const listProcessesOf = (folder: string): ProcessRecord[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) =>
      (readText(`/proc/${pid}/cmdline`) ?? "")
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
