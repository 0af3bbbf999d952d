import { existsSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../shared/errors.ts";
import { silentLogger } from "../../shared/log.ts";
import { Journal } from "../jobs/journal.ts";
import { findIdentity, type Identity } from "../link/identity.ts";

export const getIdentity = (stateDir: string): Identity => {
  const identity = findIdentity(stateDir);
  if (identity) return identity;
  throw new AppError("not_found", `This host has not joined a fleet: ${stateDir} holds no identity`);
};

/** What the journal says while no agent runs. Throws `conflict` where one does and does not answer. */
export const countJobs = (stateDir: string): number => {
  const path = join(stateDir, "journal.db");
  if (!existsSync(path)) return 0;
  using journal = Journal.open(path, silentLogger);
  return journal.list().length;
};

export const notRunning = (stateDir: string): AppError =>
  new AppError("conflict", `No agent runs with the state directory ${stateDir}`, {
    hint: "Start it, or name another one with --state-dir",
  });
