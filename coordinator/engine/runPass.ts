import {
  isFinalJob,
  isFinalRun,
  JOB_REASON_STATUS,
  type JobReason,
  RUN_REASONS,
} from "../../shared/states.ts";
import { deriveRun, isTerminated } from "../domain/runs/derive.ts";
import { type Statement, writeAll } from "../store/db.ts";
import { moveInstance } from "../store/instances.ts";
import { findRun, moveRun, type RunRow } from "../store/runs.ts";
import {
  insertSubmissions,
  listSubmissions,
  moveSubmission,
  type SubmissionRow,
} from "../store/submissions.ts";
import { CLAIM_TIMEOUT_MS, type EngineDeps, STOP_GRACE_MS, STOP_MARGIN_MS } from "./engineDeps.ts";

/** What one pass wants: statements for one transaction, and what is to happen once they are committed. */
interface Changes {
  statements: Statement[];
  effects: (() => void)[];
  /** Takes back what was done in memory before the commit, when there is none. */
  undo?: (() => void)[];
}

/** The newest attempt of every job. */
export const latestOf = (submissions: readonly SubmissionRow[]): SubmissionRow[] => {
  const latest = new Map<string, SubmissionRow>();
  for (const submission of submissions)
    latest.set(`${submission.replica_num}/${submission.job_num}`, submission);
  return [...latest.values()];
};

/**
 * Brings one run as far as it can go: reads it, decides, writes in one transaction, then acts; again until
 * nothing changes. Returns when the run is to be looked at again (null: only when something happens), and
 * whether anything changed. Passes of one run never overlap (engine.ts).
 */
export const passRun = async (
  deps: EngineDeps,
  runId: string,
): Promise<{ changed: boolean; wakeAt: number | null }> => {
  for (let changed = false; ; changed = true) {
    const run = await findRun(deps.db, runId);
    if (!run || isFinalRun(run.status)) return { changed, wakeAt: null };
    const latest = latestOf(await listSubmissions(deps.db, runId));
    const { statements, effects, undo = [] } = decide(deps, run, latest);
    if (statements.length === 0) return { changed, wakeAt: nearest(latest) };
    try {
      await writeAll(deps.db, statements);
    } catch (err) {
      for (const takeBack of undo) takeBack();
      throw err;
    }
    for (const effect of effects) effect();
  }
};

const nearest = (latest: readonly SubmissionRow[]): number | null =>
  latest.reduce<number | null>(
    (soonest, { wake_at: at }) => (at !== null && (soonest === null || at < soonest) ? at : soonest),
    null,
  );

const decide = (deps: EngineDeps, run: RunRow, latest: SubmissionRow[]): Changes => {
  const overdue = latest.flatMap((submission) => expire(deps, submission));
  if (overdue.length > 0) return merge(overdue);
  const now = deps.clock.now();
  if (run.status === "terminating") {
    const alive = latest.filter((job) => !isFinalJob(job.status) && job.status !== "terminating");
    const reason = RUN_REASONS[run.termination_reason ?? "server_error"];
    if (alive.length > 0) return merge(alive.map((job) => endSubmission(deps, job, reason.jobs)));
    if (!isTerminated(latest)) return merge([]);
    const patch = { last_processed_at: now, wake_at: null };
    return { statements: [moveRun(deps.db, run.id, { to: reason.status, patch })], effects: [] };
  }
  const waiting = latest.filter((job) => job.status === "submitted");
  if (waiting.length > 0) return merge(waiting.map((job) => placeSubmission(deps, run, job)));
  const derived = deriveRun(latest);
  if (!derived || derived.status === run.status) return merge([]);
  const patch = { last_processed_at: now, termination_reason: derived.reason ?? null };
  return { statements: [moveRun(deps.db, run.id, { to: derived.status, patch })], effects: [] };
};

const merge = (all: Changes[]): Changes => ({
  statements: all.flatMap((changes) => changes.statements),
  effects: all.flatMap((changes) => changes.effects),
  undo: all.flatMap((changes) => changes.undo ?? []),
});

/** What has waited too long: an assignment that no agent confirmed, a stop that no agent reported done. */
const expire = (deps: EngineDeps, submission: SubmissionRow): Changes[] => {
  if (submission.wake_at === null || submission.wake_at > deps.clock.now()) return [];
  if (submission.status === "terminating")
    return [finishSubmission(deps, submission, { reason: "terminated_by_server", abandoned: true })];
  if (submission.status === "provisioning" && submission.acknowledged_at === null)
    return [resubmit(deps, submission)];
  return [];
};

/** The host never took it: fence this attempt for good and make a new one of the same job. */
const resubmit = (deps: EngineDeps, submission: SubmissionRow): Changes => {
  const now = deps.clock.now();
  const ended = finishSubmission(deps, submission, { reason: "instance_unreachable", abandoned: true });
  const next = insertSubmissions(deps.db, [
    {
      id: crypto.randomUUID(),
      run_id: submission.run_id,
      replica_num: submission.replica_num,
      job_num: submission.job_num,
      submission_num: submission.submission_num + 1,
      deployment_num: submission.deployment_num,
      job_spec: submission.job_spec,
      status: "submitted",
      submitted_at: now,
      last_processed_at: now,
    },
  ]);
  return { statements: [...ended.statements, next], effects: ended.effects };
};

const placeSubmission = (deps: EngineDeps, run: RunRow, submission: SubmissionRow): Changes => {
  const now = deps.clock.now();
  const placement = deps.place(run, submission);
  if ("message" in placement)
    return finishSubmission(deps, submission, {
      reason: "failed_to_start_due_to_no_capacity",
      message: placement.message,
      abandoned: true,
    });
  const { instanceId, fleetId, provisioningData, runtimeData } = placement;
  if (!deps.capacity.claim(instanceId, submission.id))
    throw new Error(`The scheduler chose instance ${instanceId}, which is occupied`);
  const patch = {
    instance_id: instanceId,
    assigned_at: now,
    last_processed_at: now,
    wake_at: now + CLAIM_TIMEOUT_MS,
    provisioning_data: provisioningData,
    runtime_data: runtimeData,
  };
  return {
    statements: [
      moveSubmission(deps.db, submission.id, { to: "provisioning", patch }),
      moveInstance(deps.db, instanceId, { to: "busy", patch: {} }),
      moveRun(deps.db, run.id, { to: "provisioning", patch: { fleet_id: fleetId, last_processed_at: now } }),
    ],
    effects: [() => deps.capacity.update(instanceId, { status: "busy" }), () => deps.agents.wake(instanceId)],
    undo: [() => void deps.capacity.release(instanceId, submission.id)],
  };
};

/** Ends a live attempt: at once when no host has it, else by asking the host, which will report the end. */
const endSubmission = (deps: EngineDeps, submission: SubmissionRow, reason: JobReason): Changes => {
  const { instance_id: instanceId } = submission;
  if (instanceId === null) return finishSubmission(deps, submission, { reason, abandoned: true });
  const now = deps.clock.now();
  const grace = stopGraceMs(submission.status, reason);
  const patch = {
    termination_reason: reason,
    stop_grace_ms: grace,
    last_processed_at: now,
    wake_at: now + grace + STOP_MARGIN_MS,
  };
  return {
    statements: [moveSubmission(deps.db, submission.id, { to: "terminating", patch })],
    effects: [() => deps.agents.wake(instanceId)],
  };
};

/** Only a running job that a user stops, or whose run failed, gets time to end by itself (lifecycle.md §3.4). */
const stopGraceMs = (status: SubmissionRow["status"], reason: JobReason | null): number =>
  status !== "provisioning" &&
  status !== "pulling" &&
  (reason === "terminated_by_user" || reason === "terminated_by_server")
    ? STOP_GRACE_MS
    : 0;

export interface End {
  reason: JobReason;
  message?: string;
  exitStatus?: number | null;
  /** Length of the whole output, where the host has told. */
  logBytes?: number;
  /** No host has it, or is entitled to it any more: nothing more will come of it, its log included. */
  abandoned: boolean;
}

/** The end of an attempt: the reason that was set first stays, the host is free for the next. */
export const finishSubmission = (deps: EngineDeps, submission: SubmissionRow, end: End): Changes => {
  const { db, clock, capacity, agents } = deps;
  const now = clock.now();
  const reason = submission.termination_reason ?? end.reason;
  const outcome = {
    termination_reason: reason,
    termination_reason_message: end.message ?? submission.termination_reason_message,
    exit_status: end.exitStatus ?? null,
    log_bytes: end.logBytes ?? null,
    log_complete: end.abandoned,
    pull_progress: null,
    last_processed_at: now,
    wake_at: null,
  };
  const statements: Statement[] = [];
  if (submission.status !== "terminating")
    statements.push(moveSubmission(db, submission.id, { to: "terminating", patch: {} }));
  const patch = { ...outcome, finished_at: now };
  statements.push(moveSubmission(db, submission.id, { to: JOB_REASON_STATUS[reason], patch }));
  const { instance_id: instanceId } = submission;
  if (instanceId === null) return { statements, effects: [] };
  statements.push(moveInstance(db, instanceId, { to: "idle", patch: {} }));
  const release = () => {
    if (capacity.release(instanceId, submission.id)) capacity.update(instanceId, { status: "idle" });
    agents.wake(instanceId);
  };
  return { statements, effects: [release] };
};
