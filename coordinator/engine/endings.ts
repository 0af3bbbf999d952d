import { mergeProfile } from "../../shared/config/profile.ts";
import { JOB_REASON_STATUS, type JobReason } from "../../shared/states.ts";
import { jobMoved, jobStopRequested, jobUnassigned } from "../domain/events/jobEvents.ts";
import { blockUse } from "../domain/instances/occupancy.ts";
import type { Statement } from "../store/db.ts";
import type { NewEvent } from "../store/events.ts";
import type { RunRow } from "../store/runs.ts";
import { moveSubmission, patchSubmission, type SubmissionRow } from "../store/submissions.ts";
import type { Changes } from "./changes.ts";
import { type EngineDeps, LONGEST_GRACE_MS, STOP_GRACE_MS } from "./engineDeps.ts";
import { type JobOfProject, jobMove, leaveInstance } from "./moves.ts";

/** Ends a live attempt: at once when no host can have it, else by asking the host, which will report the end. */
export const endSubmission = (
  deps: EngineDeps,
  submission: SubmissionRow,
  end: { run: RunRow; reason: JobReason; message?: string },
): Changes => {
  const { instance_id: instanceId } = submission;
  // A node that waits for its turn was told to no host yet.
  if (instanceId === null || submission.assigned_at === null)
    return finishSubmission(deps, submission, { ...end, projectId: end.run.project_id, abandoned: true });
  const now = deps.clock.now();
  const grace = stopGraceMs(end.run, submission.status, end.reason);
  const patch = {
    termination_reason: end.reason,
    ...(end.message === undefined ? {} : { termination_reason_message: end.message }),
    stop_grace_ms: grace,
    last_processed_at: now,
  };
  const job = { ...submission, project_id: end.run.project_id };
  const moved = jobMove(deps.db, job, { to: "terminating", patch });
  return {
    ...moved,
    events: [...(grace > 0 ? [jobStopRequested(job, grace)] : []), ...(moved.events ?? [])],
    effects: [() => deps.agents.wake(instanceId)],
  };
};

/** The host is to kill what it was asked to end with grace; it may take as long as ever to say so. */
export const hurrySubmission = (
  deps: EngineDeps,
  { id, instance_id: instanceId }: SubmissionRow,
): Changes => ({
  statements: [patchSubmission(deps.db, id, { stop_grace_ms: 0, last_processed_at: deps.clock.now() })],
  effects: [
    () => deps.waits.renew(id, "stop"),
    ...(instanceId === null ? [] : [() => deps.agents.wake(instanceId)]),
  ],
});

/**
 * Only a running job that a user stops, or that ends because of another, gets time to end by itself (docs/spec/
 * lifecycle.md §3.4); how much is what `stop_duration` says, where it is given.
 */
const stopGraceMs = (run: RunRow, status: SubmissionRow["status"], reason: JobReason): number => {
  const isGraceful =
    status === "running" && (reason === "terminated_by_user" || reason === "terminated_by_server");
  if (!isGraceful) return 0;
  const { stop_duration } = mergeProfile(run.spec.profile, run.spec.configuration);
  if (stop_duration === null) return STOP_GRACE_MS;
  return stop_duration === "off" ? LONGEST_GRACE_MS : Math.min(stop_duration * 1000, LONGEST_GRACE_MS);
};

export interface End {
  /** The project of the run. */
  projectId: string;
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
  const { db, clock, scheduler, agents, waits, idleness } = deps;
  const now = clock.now();
  const reason = submission.termination_reason ?? end.reason;
  const message = messageOf(submission, end);
  const outcome = {
    termination_reason: reason,
    termination_reason_message: message,
    exit_status: end.exitStatus ?? null,
    log_bytes: end.logBytes ?? null,
    // A host that never began it has nothing to send.
    log_complete: end.abandoned || end.logBytes === 0,
    pull_progress: null,
    last_processed_at: now,
  };
  const job = { ...submission, project_id: end.projectId };
  const statements: Statement[] = [];
  const events = jobMoved(job, { from: job.status, to: "terminating", reason, message });
  if (submission.status !== "terminating")
    statements.push(moveSubmission(db, submission.id, { to: "terminating", patch: {} }));
  const patch = { ...outcome, finished_at: now };
  statements.push(moveSubmission(db, submission.id, { to: JOB_REASON_STATUS[reason], patch }));
  events.push(...jobMoved(job, { from: "terminating", to: JOB_REASON_STATUS[reason] }));
  const { instance_id: instanceId } = submission;
  const forget = () => {
    waits.forget(submission.id);
    idleness.watch(submission, { runId: submission.run_id, limitMs: null });
  };
  if (instanceId === null) return { statements, events, effects: [forget] };
  const left = leaveInstance(deps, instanceId);
  statements.push(...left.statements);
  events.push(...leavingEvents(deps, job), ...(left.events ?? []));
  const release = () => {
    const instance = deps.capacity.get(instanceId)?.instance;
    scheduler.release(instanceId, submission.id);
    agents.wake(instanceId);
    // How long it has been idle counts from now.
    if (instance?.made) deps.wakeFleet(instance.fleet_id);
  };
  return { statements, events, effects: [forget, release] };
};

/** What is told of the host that a job leaves, unless the host has left before. */
const leavingEvents = ({ capacity }: EngineDeps, job: JobOfProject): NewEvent[] => {
  const entry = capacity.get(job.instance_id ?? "");
  if (!entry) return [];
  const others = new Map([...entry.occupants].filter(([occupant]) => occupant !== job.id));
  return jobUnassigned(job, entry.instance, blockUse({ ...entry, occupants: others }));
};

/** The words that came with the reason that stays; a job that ended as it should needs none (lifecycle.md §1.4). */
const messageOf = (submission: SubmissionRow, end: End): string | null => {
  if (submission.termination_reason !== null) return submission.termination_reason_message;
  return end.reason === "done_by_runner" ? end.message || null : (end.message ?? null);
};
