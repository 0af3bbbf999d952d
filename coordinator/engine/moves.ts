import { instanceMoved } from "../domain/events/instanceEvents.ts";
import { jobMoved } from "../domain/events/jobEvents.ts";
import { runMoved } from "../domain/events/runEvents.ts";
import type { Db, Statement } from "../store/db.ts";
import { freeInstance, type InstanceRow, moveInstance } from "../store/instances.ts";
import { moveRun, type RunPatch, type RunRow } from "../store/runs.ts";
import { moveSubmission, type SubmissionPatch, type SubmissionRow } from "../store/submissions.ts";
import type { Changes } from "./changes.ts";
import type { EngineDeps } from "./engineDeps.ts";

interface Move<S, P> {
  to: S;
  patch: P;
}

/** Moves a run that is as it was read, and tells of it. */
export const runMove = (
  db: Db,
  run: RunRow,
  { to, patch, actorId }: Move<RunRow["status"], RunPatch> & { actorId?: string | undefined },
): Changes => ({
  statements: [moveRun(db, run.id, { to, patch })],
  events: runMoved(run, to, { reason: patch.termination_reason, actorId }),
  effects: [],
});

/** An attempt of a run in that project. */
export type JobOfProject = SubmissionRow & { project_id: string };

/** Moves an attempt at a job that is as it was read, and tells of it. */
export const jobMove = (
  db: Db,
  job: JobOfProject,
  { to, patch }: Move<SubmissionRow["status"], SubmissionPatch>,
): Changes => {
  const { termination_reason: reason, termination_reason_message: message } = { ...job, ...patch };
  return {
    statements: [moveSubmission(db, job.id, { to, patch })],
    events: jobMoved(job, { from: job.status, to, reason, message }),
    effects: [],
  };
};

/** The host has a job; told only where it had none, which the store alone knows for sure. */
export const occupyInstance = (
  { db, tell }: Pick<EngineDeps, "db" | "tell">,
  instance: InstanceRow,
): Statement[] => [
  moveInstance(db, instance.id, { to: "busy", patch: { idle_since: null } }),
  ...tell(instanceMoved(instance, { from: "idle", to: "busy" }), { ifChanged: true }),
];

/** A job leaves the host, which is idle where it was the last. */
export const leaveInstance = ({ db, tell, capacity, clock }: EngineDeps, instanceId: string): Statement[] => {
  const instance = capacity.get(instanceId)?.instance;
  const told = instance ? instanceMoved(instance, { from: "busy", to: "idle" }) : [];
  return [freeInstance(db, instanceId, clock.now()), ...tell(told, { ifChanged: true })];
};
