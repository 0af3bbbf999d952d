import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** In a job's folder: how long its host may be silent, in milliseconds. */
const LIMIT = "silence";
/** In the state directory: when the last sync that was answered was sent, in the host's steady time. */
const ANSWERED = "answered";
/** The agent itself comes first, where there is one. */
const GRACE_MS = 1_000;

export interface Overdue {
  /** Jobs that may be another host's by now. */
  ids: string[];
  /** Jobs that have a limit at all. */
  limited: number;
}

/** Leaves a job's limit for whoever looks when the agent is dead. */
export const writeLimit = (jobDir: string, limitMs: number): void =>
  writeFileSync(join(jobDir, LIMIT), `${limitMs}\n`, { mode: 0o600 });

/** What the agent has left behind, judged without it. */
export const findOverdue = (stateDir: string, now: number): Overdue => {
  const answeredAt = readNumber(join(stateDir, ANSWERED));
  const limits = listJobs(stateDir).flatMap((id) => {
    const limitMs = readNumber(join(stateDir, "jobs", id, LIMIT));
    return limitMs === undefined ? [] : [{ id, limitMs }];
  });
  const isOver = ({ limitMs }: { limitMs: number }) =>
    answeredAt !== undefined && answeredAt + limitMs + GRACE_MS <= now;
  return { ids: limits.filter(isOver).map(({ id }) => id), limited: limits.length };
};

const listJobs = (stateDir: string): string[] => {
  try {
    return readdirSync(join(stateDir, "jobs"));
  } catch {
    // The host has left its fleet.
    return [];
  }
};

/** Undefined where there is none, or it is being written. */
const readNumber = (path: string): number | undefined => {
  try {
    const text = readFileSync(path, "utf8");
    return /^\d+\n$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
};
