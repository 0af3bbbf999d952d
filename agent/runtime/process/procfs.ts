import { readdirSync, readFileSync } from "node:fs";
import type { SupervisorRecord } from "./records.ts";

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

export const bootId = (): string => read("/proc/sys/kernel/random/boot_id")?.trim() ?? "";

/** This process, as {@link isRecordAlive} will recognise it. */
export const ownRecord = (): SupervisorRecord => ({
  pid: process.pid,
  startTime: statFields(process.pid)?.[19] ?? "",
  bootId: bootId(),
});

/** Whether that very process still runs: not a zombie, and not another with the same id. */
export const isRecordAlive = (record: SupervisorRecord): boolean => {
  const fields = statFields(record.pid);
  return (
    record.bootId === bootId() &&
    fields !== undefined &&
    fields[19] === record.startTime &&
    !isDead(fields[0])
  );
};

const isDead = (state: string | undefined): boolean =>
  state === undefined || state === "Z" || state === "X" || state === "x";

export const isAlive = (pid: number): boolean => !isDead(statFields(pid)?.[0]);

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
    (read(`/proc/${pid}/task/${task}/children`) ?? "")
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
    .filter((entry) => read(`/proc/${entry}/environ`)?.split("\0").includes(wanted))
    .map(Number);
};
