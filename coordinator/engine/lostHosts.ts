import { isFinalJob, type JobReason } from "../../shared/states.ts";
import { reasonOfLoss } from "../domain/runs/retry.ts";
import { findInstance, type InstanceRow } from "../store/instances.ts";
import type { RunRow } from "../store/runs.ts";
import type { SubmissionRow } from "../store/submissions.ts";
import type { Changes } from "./changes.ts";
import { finishSubmission } from "./endings.ts";
import type { EngineDeps } from "./engineDeps.ts";

/** Ends the attempts whose instance is not there any more, or is being ended: nothing will come of them. */
export const endLost = async (
  deps: EngineDeps,
  { project_id: projectId }: RunRow,
  latest: readonly SubmissionRow[],
): Promise<Changes[]> => {
  const ended: Changes[] = [];
  for (const submission of latest) {
    const { instance_id: id, status } = submission;
    if (id === null || isFinalJob(status)) continue;
    const entry = deps.capacity.get(id);
    if (entry && !(entry.instance.made && entry.instance.status === "terminating")) continue;
    const instance = entry?.instance ?? (await findInstance(deps.db, id));
    ended.push(
      finishSubmission(deps, submission, { ...endOf(submission, instance), projectId, abandoned: true }),
    );
  }
  return ended;
};

/** docs/spec/lifecycle.md §1.3: what was never there was no capacity, or took too long to come. */
const endOf = (
  submission: SubmissionRow,
  instance: InstanceRow | undefined,
): { reason: JobReason; message: string } => {
  const { termination_reason: why, termination_reason_message: text, name = "The instance" } = instance ?? {};
  const message = `${name} was ended: ${text ?? why?.replaceAll("_", " ") ?? "it is gone"}`;
  if (submission.assigned_at !== null) return { reason: reasonOfLoss(submission), message };
  const isNone = why === "no_offers" || why === "master_failed";
  return isNone
    ? { reason: "failed_to_start_due_to_no_capacity", message: `No instance could be made: ${text ?? why}` }
    : { reason: "waiting_instance_limit_exceeded", message };
};
