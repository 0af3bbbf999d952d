import type { Assignment } from "../../shared/protocol/assignment.ts";
import type { Desired } from "../../shared/protocol/sync.ts";
import { isFinalJob } from "../../shared/states.ts";
import type { SubmissionRow } from "../store/submissions.ts";

/**
 * What is wanted of one submission that an instance has or should have. A pure function: `held` says whether
 * the agent has named it, so that the assignment is sent only to an agent that does not have it yet.
 */
export const desiredOf = (
  submission: SubmissionRow,
  held: boolean,
  assign: (submission: SubmissionRow) => Assignment,
): Desired | undefined => {
  const { id, status } = submission;
  if (isFinalJob(status)) return held ? { action: "keep", submission_id: id } : undefined;
  if (status === "terminating")
    // An agent that never had it has nothing to stop; the engine's own deadline ends it.
    return { action: "stop", submission_id: id, grace_ms: submission.stop_grace_ms ?? 0 };
  if (held) return { action: "run", submission_id: id };
  return { action: "run", submission_id: id, assignment: assign(submission) };
};
