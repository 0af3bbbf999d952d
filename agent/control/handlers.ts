import { delay } from "../../shared/async/delay.ts";
import { AppError, messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { Inventory } from "../../shared/protocol/inventory.ts";
import { LeaveAnswer } from "../../shared/protocol/leave.ts";
import type { AgentUpgrade } from "../../shared/protocol/sync.ts";
import { VERSION } from "../../shared/version.ts";
import type { Jobs } from "../jobs/jobs.ts";
import { callJson, codeOf, type LinkOptions } from "../link/client.ts";
import type { Identity } from "../link/identity.ts";
import type { LinkState } from "../link/linkState.ts";
import type { Drain } from "./drain.ts";
import type { DrainAnswer } from "./messages.ts";
import type { ControlHandlers } from "./server.ts";

export interface ControlDeps {
  link: LinkOptions;
  identity: () => Identity;
  inventory: () => Inventory;
  state: LinkState;
  drain: Drain;
  jobs: Jobs;
  upgrade: () => AgentUpgrade;
  log: Logger;
  now: () => number;
  startedAt: number;
  /** The host has left its fleet: its identity goes, and this process with it. */
  onLeft: () => void;
  /** Aborted: the agent ends. */
  signal: AbortSignal;
}

/** How long whoever asks waits for the coordinator to hear of it. */
const TOLD_MS = 8_000;
const LOOK_MS = 50;
/** How long jobs that are killed may take to be over, and then their ends to be told. */
const ENDED_MS = 20_000;

/** The agent's side of its control socket. */
export const createControl = (deps: ControlDeps): ControlHandlers => {
  const { drain, jobs, signal } = deps;
  const drained = async (): Promise<DrainAnswer> => {
    await until(() => drain.isTold, TOLD_MS, signal);
    return { is_told: drain.isTold, jobs: jobs.held().length };
  };
  return {
    status: () => {
      const { url, instance_id, instance_name, fleet_name, project_name, credential } = deps.identity();
      return {
        agent: {
          version: VERSION,
          pid: process.pid,
          started_at: deps.startedAt,
          program: process.execPath,
        },
        identity: {
          url,
          instance_id,
          instance_name,
          fleet_name,
          project_name,
          credential_expires_at: credential.expires_at,
        },
        link: deps.state.current,
        draining: drain.state ?? null,
        is_told: drain.isTold,
        jobs: jobs.list().map(({ assignment, state, receivedAt, startedAt }) => ({
          submission_id: assignment.submission_id,
          state,
          run_name: assignment.run_name,
          project_name: assignment.project_name,
          runtime: assignment.runtime,
          received_at: receivedAt,
          started_at: startedAt,
        })),
        inventory: deps.inventory(),
        upgrade: deps.upgrade(),
      };
    },
    drain: ({ reason }) => {
      drain.begin(reason, deps.now());
      deps.log.info("This host takes no new jobs", { reason });
      return drained();
    },
    undrain: () => {
      drain.end();
      deps.log.info("This host takes jobs again");
      return drained();
    },
    leave: async ({ force }) => {
      if (!drain.state) drain.begin("The host leaves its fleet", deps.now());
      if (force) await endJobs(deps);
      else if (jobs.held().length > 0)
        throw new AppError("conflict", `Cannot leave: ${jobs.held().length} jobs are on this host`, {
          hint: "It takes no new ones. Wait until they are over, or kill them with --force",
        });
      const isTold = await tellLeave(deps, force);
      deps.onLeft();
      return { is_told: isTold };
    },
  };
};

const endJobs = async ({ jobs, state, signal }: ControlDeps): Promise<void> => {
  await Promise.race([jobs.endAll(), delay(ENDED_MS, signal)]);
  // Their ends, and what they have printed, are the coordinator's while it answers.
  await until(() => jobs.held().length === 0 || state.current.state !== "connected", TOLD_MS, signal);
  for (const { submission_id } of jobs.held()) jobs.forget(submission_id);
  await until(() => jobs.held().length === 0, ENDED_MS, signal);
};

/** False: it could not be told, and with `force` that is no reason to stay. */
const tellLeave = async ({ link, log, signal }: ControlDeps, force: boolean): Promise<boolean> => {
  try {
    await callJson(link, { path: "/leave", json: { force }, signal }, LeaveAnswer);
    return true;
  } catch (err) {
    // It has forgotten this host already.
    if (codeOf(err) === "unauthenticated") return true;
    if (!force) throw err;
    log.warn("The coordinator could not be told that this host leaves", { reason: messageOf(err) });
    return false;
  }
};

const until = async (is: () => boolean, limitMs: number, signal: AbortSignal): Promise<void> => {
  const end = performance.now() + limitMs;
  while (!is() && performance.now() < end && !signal.aborted) await delay(LOOK_MS, signal);
};
