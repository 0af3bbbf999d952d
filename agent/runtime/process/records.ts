import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * What a supervisor leaves in the submission's folder. The first is made exclusively and before the command is
 * started: whoever makes it runs the job, so that a job never runs twice, whatever is killed when.
 */
export interface SupervisorRecord {
  pid: number;
  /** Field 22 of /proc/PID/stat: a process id alone may be another process's by now. */
  startTime: string;
  bootId: string;
}

export interface ExitRecord {
  /** Exit status; null when a signal ended it or it never ran. */
  code: number | null;
  signal: string | null;
  /** How many of the job's processes the kernel killed for want of memory. */
  oomKills?: number;
  /** Why the command could not be started. */
  failure?: string;
}

const SUPERVISOR = "supervisor.json";
const EXIT = "exit.json";

/** False: another supervisor has taken this submission. */
export const claimFolder = (dir: string, record: SupervisorRecord): boolean => {
  const path = join(dir, SUPERVISOR);
  try {
    writeFileSync(path, JSON.stringify(record), { flag: "wx", mode: 0o600 });
    return true;
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "EEXIST") return false;
    // On a full disk the file is made and stays empty: nobody has taken the job.
    rmSync(path, { force: true });
    throw err;
  }
};

export const writeExit = (dir: string, record: ExitRecord): void => {
  const path = join(dir, EXIT);
  writeFileSync(`${path}.part`, JSON.stringify(record), { mode: 0o600 });
  renameSync(`${path}.part`, path);
};

const find = (path: string): unknown => {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    // Cut short: its writer was killed at that very moment, before it had done anything.
    if (err instanceof SyntaxError) return { pid: 0, startTime: "", bootId: "" };
    throw err;
  }
};

export const findSupervisor = (dir: string): SupervisorRecord | undefined =>
  find(join(dir, SUPERVISOR)) as SupervisorRecord | undefined;
export const findExit = (dir: string): ExitRecord | undefined =>
  find(join(dir, EXIT)) as ExitRecord | undefined;
