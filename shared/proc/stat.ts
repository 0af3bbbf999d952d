import { readText } from "./readText.ts";

/** Fields of /proc/PID/stat (proc(5)) from the third on: the second, the name, may hold anything. Undefined: it is gone. */
export const statFields = (pid: number): string[] | undefined => {
  const text = readText(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(")") + 2).split(" ");
};

const STATE = 0;
const START_TIME = 19;

const isDead = (state: string | undefined): boolean =>
  state === undefined || state === "Z" || state === "X" || state === "x";

/** When it was started, in ticks since the start of the host; empty: there is no such process. */
export const startTimeOf = (pid: number): string => statFields(pid)?.[START_TIME] ?? "";

/** It runs, and is no zombie. */
export const isAlive = (pid: number): boolean => !isDead(statFields(pid)?.[STATE]);

/** That very process does: ids are given anew, the time of the start tells them apart. */
export const isSameAlive = (pid: number, startTime: string): boolean => {
  const fields = statFields(pid);
  return fields !== undefined && fields[START_TIME] === startTime && !isDead(fields[STATE]);
};
