import { existsSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../shared/errors.ts";
import { Journal } from "../jobs/journal.ts";
import { findIdentity, type Identity } from "../link/identity.ts";

export const getIdentity = (stateDir: string): Identity => {
  const identity = findIdentity(stateDir);
  if (identity) return identity;
  throw new AppError("not_found", `This host has not joined a fleet: ${stateDir} holds no identity`);
};

/** What the journal says while no agent runs; undefined: one does, and does not answer (yet). */
export const countJobs = (stateDir: string): number | undefined => {
  const path = join(stateDir, "journal.db");
  return existsSync(path) ? Journal.count(path) : 0;
};

export const notRunning = (stateDir: string): AppError =>
  new AppError("conflict", `No agent runs with the state directory ${stateDir}`, {
    hint: "Start it, or name another one with --state-dir",
  });
