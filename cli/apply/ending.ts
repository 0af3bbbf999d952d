import type { JobSubmission } from "../../shared/api/jobs.ts";
import type { Run } from "../../shared/api/runs.ts";

const NO_CAPACITY = ["failed_to_start_due_to_no_capacity", "interrupted_by_no_capacity"];

/** The exit code of `apply`: 0 only for a run that is done (docs/spec/cli.md §4). */
export const exitCodeOf = (run: Run): number => (run.status === "done" ? 0 : 1);

/** How a finished run ended, with the command's own exit status: `Exited (11)`. */
export const endingLines = (run: Run): string[] => {
  const submission = decisive(run);
  const status = capitalised(submission?.status_message || submission?.status || run.status);
  if (run.status === "done" || !submission) return [status];
  const error = submission.error || run.error;
  const isCapacity = NO_CAPACITY.includes(submission.termination_reason ?? "");
  return [
    error ? `${status} (${capitalised(error)})` : status,
    ...(submission.termination_reason_message ? [submission.termination_reason_message] : []),
    ...(isCapacity ? [] : [`Check dstack logs -d ${run.run_spec.run_name} for more details.`]),
  ];
};

/** Of several jobs the one that failed by itself, and not because another one did. */
const decisive = (run: Run): JobSubmission | undefined => {
  const latest = run.jobs.flatMap((job) => job.job_submissions.at(-1) ?? []);
  const own = latest.find(
    ({ status, termination_reason: reason }) => status === "failed" && reason !== "terminated_by_server",
  );
  return own ?? run.latest_job_submission ?? latest[0];
};

const capitalised = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
