import { isFinalJob, type JobReason, type RunReason } from "../../../shared/states.ts";
import type { RunRow } from "../../store/runs.ts";
import type { SubmissionRow } from "../../store/submissions.ts";

// What people read instead of statuses and reasons (docs/spec/http-api.md §3.10, docs/spec/lifecycle.md §1.3).

type Ended = Pick<
  SubmissionRow,
  "status" | "termination_reason" | "termination_reason_message" | "exit_status"
>;

/**
 * The reference shows `exited (None)` for a job that failed before there was an exit status; that is told as an
 * error here.
 */
export const submissionStatusMessage = (submission: Ended): string => {
  const { status, termination_reason: reason } = submission;
  if (!isFinalJob(status)) return status;
  if (status === "done") return "exited (0)";
  if (status === "aborted") return "aborted";
  if (status === "terminated") return reason === "terminated_by_user" ? "stopped" : "terminated";
  switch (reason) {
    case "container_exited_with_error":
      return submission.exit_status === null ? "error" : `exited (${submission.exit_status})`;
    case "failed_to_start_due_to_no_capacity":
      return submission.termination_reason_message?.includes("No matching fleet found")
        ? "no fleets"
        : "no capacity";
    case "interrupted_by_no_capacity":
      return "interrupted";
    default:
      return "error";
  }
};

/** These speak for themselves, by the status message. */
const WITHOUT_ERROR: ReadonlySet<JobReason> = new Set([
  "failed_to_start_due_to_no_capacity",
  "interrupted_by_no_capacity",
  "container_exited_with_error",
  "done_by_runner",
  "terminated_by_user",
  "aborted_by_user",
  "terminated_by_server",
]);

const OWN_ERRORS: Partial<Record<JobReason, string>> = {
  creating_container_error: "runner error",
  terminated_due_to_utilization_policy: "utilization policy",
};

export const submissionError = (reason: JobReason | null): string | null =>
  reason === null || WITHOUT_ERROR.has(reason) ? null : (OWN_ERRORS[reason] ?? reason.replaceAll("_", " "));

const RUN_ERRORS: readonly RunReason[] = ["retry_limit_exceeded", "server_error", "gateway_error"];

export const runError = (reason: RunReason | null): string | null =>
  reason !== null && RUN_ERRORS.includes(reason) ? reason.replaceAll("_", " ") : null;

/** `jobs`: the attempts at every job, oldest first. */
export const runStatusMessage = (
  run: Pick<RunRow, "status">,
  jobs: readonly (readonly Pick<SubmissionRow, "status" | "termination_reason" | "job_spec">[])[],
): string => {
  if (jobs.length > 0 && jobs.every((attempts) => attempts.at(-1)?.status === "pulling")) return "pulling";
  const isRetrying = jobs.some((attempts) => {
    const ended = attempts.findLast(({ termination_reason: reason }) => reason !== null);
    return (
      ended?.termination_reason === "failed_to_start_due_to_no_capacity" &&
      ended.job_spec.retry?.on_events.includes("no-capacity")
    );
  });
  return isRetrying && (run.status === "submitted" || run.status === "pending") ? "retrying" : run.status;
};
