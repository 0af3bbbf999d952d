import { instanceMoved } from "../domain/events/instanceEvents.ts";
import { jobMoved } from "../domain/events/jobEvents.ts";
import { runMoved } from "../domain/events/runEvents.ts";
import type { CapacityEntry } from "../domain/instances/capacityEntry.ts";
import { totalBlocksOf } from "../domain/instances/division.ts";
import type { Db, Statement } from "../store/db.ts";
import type { NewEvent } from "../store/events.ts";
import { freeInstance, moveInstance } from "../store/instances.ts";
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

/** The host has a job: it is among those that occupy it already. */
export const occupyInstance = (deps: MoveDeps, entry: CapacityEntry): Changes => {
  const moved = moveInstance(deps.db, entry.instance.id, { to: "busy", patch: { idle_since: null } });
  return hostMove(deps, entry, { moved, told: instanceMoved(entry.instance, { from: "idle", to: "busy" }) });
};

/** A job leaves the host, which is idle where it was the last. */
export const leaveInstance = (deps: EngineDeps, instanceId: string): Changes => {
  const moved = freeInstance(deps.db, instanceId, deps.clock.now());
  const entry = deps.capacity.get(instanceId);
  if (!entry) return { statements: [moved], effects: [] };
  return hostMove(deps, entry, { moved, told: instanceMoved(entry.instance, { from: "busy", to: "idle" }) });
};

type MoveDeps = Pick<EngineDeps, "db" | "tell">;

/**
 * Whether a host that jobs may share was idle before, or is from now on, the store alone knows for sure. With one that a
 * single job has to itself it is certain, and told with the rest.
 */
const hostMove = (
  { tell }: MoveDeps,
  { instance, occupants }: CapacityEntry,
  { moved, told }: { moved: Statement; told: NewEvent[] },
): Changes => {
  const isUpByItself = instance.status === "idle" || instance.status === "busy";
  const isCertain = isUpByItself && totalBlocksOf(instance) === 1 && occupants.size === 1;
  if (isCertain) return { statements: [moved], events: told, effects: [] };
  return { statements: [moved, ...tell(told, { ifChanged: true })], effects: [] };
};
