import { existsSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../shared/errors.ts";
import { silentLogger } from "../../shared/log.ts";
import type { Config } from "../config.ts";
import { Journal } from "../jobs/journal.ts";
import { findIdentity, removeIdentity } from "../link/identity.ts";

/** What the journal says; undefined: an agent runs, and has it. */
const countJobs = (stateDir: string): number | undefined => {
  const path = join(stateDir, "journal.db");
  if (!existsSync(path)) return 0;
  try {
    using journal = Journal.open(path, silentLogger);
    return journal.list().length;
  } catch (err) {
    if (err instanceof AppError && err.code === "conflict") return undefined;
    throw err;
  }
};

const notJoined = (stateDir: string): AppError =>
  new AppError("not_found", `This host has not joined a fleet: ${stateDir} holds no identity`);

/** Who this host is and whether its agent runs, as lines for people. */
export const describeStatus = ({ stateDir }: Config): string => {
  const identity = findIdentity(stateDir);
  if (!identity) throw notJoined(stateDir);
  const jobs = countJobs(stateDir);
  return [
    `Coordinator  ${identity.url}`,
    `Instance     ${identity.instance_name} (${identity.instance_id})`,
    `Fleet        ${identity.project_name}/${identity.fleet_name}`,
    `Runtime      ${identity.runtime}`,
    `Agent        ${jobs === undefined ? "running" : `not running; jobs in its journal: ${jobs}`}`,
    "",
  ].join("\n");
};

/** Forgets the fleet. The coordinator keeps the instance, unreachable, until its fleet is changed there. */
export const leave = ({ stateDir }: Config): void => {
  if (!findIdentity(stateDir)) throw notJoined(stateDir);
  const jobs = countJobs(stateDir);
  if (jobs === undefined)
    throw new AppError("conflict", "Cannot leave while the agent runs", { hint: "Stop it first" });
  if (jobs > 0)
    throw new AppError("conflict", `Cannot leave: ${jobs} jobs are on this host`, {
      hint: "Stop their runs, and let the agent run until they are gone",
    });
  removeIdentity(stateDir);
};
