import type { Desired } from "../../shared/protocol/sync.ts";
import { isFinalJob } from "../../shared/states.ts";
import type { SubmissionRow } from "../store/submissions.ts";

/**
 * What is wanted of one submission that an instance has or should have; undefined: nothing. `held` says
 * whether the agent has named it; `start`: it has not, and needs the assignment.
 */
export const desiredOf = (
  submission: Pick<SubmissionRow, "id" | "status" | "stop_grace_ms" | "assigned_at">,
  held: boolean,
): Desired | "start" | undefined => {
  const { id, status } = submission;
  if (isFinalJob(status)) return held ? { action: "keep", submission_id: id } : undefined;
  if (status === "terminating")
    return { action: "stop", submission_id: id, grace_ms: submission.stop_grace_ms ?? 0 };
  if (held) return { action: "run", submission_id: id };
  // Else the host is not to begin yet (startup.ts).
  return submission.assigned_at === null ? undefined : "start";
};
