import { readdirSync } from "node:fs";
import { readText } from "../../../shared/proc/readText.ts";
import { isSameAlive, startTimeOf, statFields } from "../../../shared/proc/stat.ts";
import type { SupervisorRecord } from "./records.ts";

export const bootId = (): string => readText("/proc/sys/kernel/random/boot_id")?.trim() ?? "";

/** This process, as {@link isRecordAlive} will recognise it. */
export const ownRecord = (): SupervisorRecord => ({
  pid: process.pid,
  startTime: startTimeOf(process.pid),
  bootId: bootId(),
});

/** Whether that very process still runs: not a zombie, and not another with the same id. */
export const isRecordAlive = (record: SupervisorRecord): boolean =>
  record.bootId === bootId() && isSameAlive(record.pid, record.startTime);

/** The process group that a Ctrl-C on the terminal of `pid` would reach; undefined: it has none. */
export const foregroundGroup = (pid: number): number | undefined => {
  const group = Number(statFields(pid)?.[5]);
  return group > 1 ? group : undefined;
};

const listTasks = (pid: number): string[] => {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
};

/** Direct children, zombies included. */
export const childrenOf = (pid: number): number[] =>
  listTasks(pid).flatMap((task) =>
    (readText(`/proc/${pid}/task/${task}/children`) ?? "")
      .split(" ")
      .filter((text) => text !== "")
      .map(Number),
  );

/** All below `pid`, the nearest first. */
export const descendantsOf = (pid: number): number[] => {
  const found = childrenOf(pid);
  // Grows while it is walked.
  for (const child of found) found.push(...childrenOf(child));
  return found;
};

/** Processes started with this variable in their environment, wherever they have moved since. */
export const processesWith = (name: string, value: string): number[] => {
  const wanted = `${name}=${value}`;
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((entry) => readText(`/proc/${entry}/environ`)?.split("\0").includes(wanted))
    .map(Number);
};
