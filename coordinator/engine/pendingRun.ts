import { nextCronTime } from "../../shared/config/cron.ts";
import { mergeProfile } from "../../shared/config/profile.ts";
import { AppError } from "../../shared/errors.ts";
import { isFinalJob } from "../../shared/states.ts";
import { retryAt, retryUntil } from "../domain/runs/retry.ts";
import type { RunPatch, RunRow } from "../store/runs.ts";
import { attemptAgain, historyOf, type JobAttempts } from "./attempts.ts";
import { type Changes, merge, NOTHING } from "./changes.ts";
import type { EngineDeps } from "./engineDeps.ts";
import { runMove } from "./moves.ts";
import type { Decision } from "./runPass.ts";

/**
 * What a run without a live job waits for: its schedule, hosts (in the queue, until its time is over), or the pause
 * after a failure (docs/spec/lifecycle.md §3).
 */
export const decidePending = (deps: EngineDeps, run: RunRow, jobs: readonly JobAttempts[]): Decision => {
  const now = deps.clock.now();
  if (run.next_triggered_at !== null) {
    if (now < run.next_triggered_at) return { ...NOTHING, wakeAt: run.next_triggered_at };
    return begin(deps, run, { jobs, patch: { next_triggered_at: null, triggered_at: now } });
  }
  // Its schedule never fires.
  if (jobs.length === 0) return NOTHING;
  if (jobs.some((job) => !isFinalJob(job.latest.status))) return NOTHING;
  const unplaced = jobs.filter(
    (job) => job.latest.termination_reason === "failed_to_start_due_to_no_capacity",
  );
  if (unplaced.length === 0) {
    const at = Math.max(...failedOf(jobs).map((job) => retryAt(historyOf(run, job))));
    return now < at ? { ...NOTHING, wakeAt: at } : begin(deps, run, { jobs, patch: {} });
  }
  if (deps.scheduler.hasGrant(run.id)) return begin(deps, run, { jobs, patch: {} });
  const until = Math.min(...unplaced.map((job) => retryUntil(historyOf(run, job))));
  if (now > until) {
    const patch = { last_processed_at: now, termination_reason: "retry_limit_exceeded" } as const;
    return runMove(deps.db, run, { to: "terminating", patch });
  }
  const waiting = { run, jobSpecs: deps.jobSpecs(run) };
  if (!deps.mayMakeFor(run)) return { ...NOTHING, wakeAt: until + 1, waiting };
  // Nobody says when a backend has something to offer again.
  const againAt = Math.max(...unplaced.map((job) => retryAt(historyOf(run, job))));
  if (now >= againAt) return begin(deps, run, { jobs, patch: {} });
  return { ...NOTHING, wakeAt: Math.min(until + 1, againAt), waiting };
};

/** Those that failed, not those that were ended because of them. */
const failedOf = (jobs: readonly JobAttempts[]): readonly JobAttempts[] => {
  const failed = jobs.filter((job) => job.latest.status === "failed");
  return failed.length > 0 ? failed : jobs;
};

/** A new attempt at every job. A run of which no job can be made any more fails. */
const begin = (
  deps: EngineDeps,
  run: RunRow,
  { jobs, patch }: { jobs: readonly JobAttempts[]; patch: RunPatch },
): Decision => {
  const processed = { ...patch, last_processed_at: deps.clock.now() };
  let again: Changes;
  try {
    again = attemptAgain(deps, run, { jobs, origin: "new submission" });
  } catch (err) {
    if (!(err instanceof AppError)) throw err;
    deps.log.warn("A run cannot be begun again", { run_id: run.id, reason: err.message });
    const end = { ...processed, termination_reason: "server_error" } as const;
    return runMove(deps.db, run, { to: "terminating", patch: end });
  }
  return merge([again, runMove(deps.db, run, { to: "submitted", patch: processed })]);
};

export const isToldByUser = ({ termination_reason: reason }: RunRow): boolean =>
  reason === "stopped_by_user" || reason === "aborted_by_user";

/**
 * What a run with a schedule goes on with when an execution is over: triggers that passed meanwhile are left out
 * (docs/spec/lifecycle.md §3.3). Undefined: there is no schedule, or it never fires again.
 */
export const rearm = (deps: EngineDeps, run: RunRow): RunPatch | undefined => {
  const { schedule } = mergeProfile(run.spec.profile, run.spec.configuration);
  const now = deps.clock.now();
  const next = schedule ? nextCronTime(schedule.cron, now) : undefined;
  if (next === undefined) return undefined;
  return {
    next_triggered_at: next,
    triggered_at: null,
    termination_reason: null,
    fleet_id: null,
    last_processed_at: now,
  };
};
