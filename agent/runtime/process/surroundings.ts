import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../../shared/errors.ts";

/** What a job's command was started with, for what is run beside it. */
export interface Surroundings {
  env: Record<string, string>;
  cwd: string;
}

const FILE = "surroundings.json";
const SHELLS = "shells";

/** Something is run beside the command: where there are no control groups, it must be looked for when the job is over. */
export const noteShell = (dir: string): void => writeFileSync(join(dir, SHELLS), "", { mode: 0o600 });

export const hadShells = (dir: string): boolean => existsSync(join(dir, SHELLS));

/** In the submission's folder, so that shells are the same after a restart of the agent. */
export const keepSurroundings = (dir: string, surroundings: Surroundings): void =>
  writeFileSync(join(dir, FILE), JSON.stringify(surroundings), { mode: 0o600 });

export const readSurroundings = (dir: string): Surroundings => {
  try {
    return JSON.parse(readFileSync(join(dir, FILE), "utf8")) as Surroundings;
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== "ENOENT") throw err;
    throw new AppError("unsupported", "This job was started by an agent that had no shells");
  }
};
