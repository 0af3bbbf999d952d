import type { JobRetry, JobSpec } from "../../../shared/api/jobs.ts";
import type { RetryEvent } from "../../../shared/config/profile.ts";
import type { JobReason } from "../../../shared/states.ts";
import type { SubmissionRow } from "../../store/submissions.ts";

/**
 * What an end means for `retry.on_events` (docs/spec/lifecycle.md §1.3a); what is left out is never retried. Joined
 * hosts are never spot, so the loss of one is an interruption as well as an error: see docs/compatibility.md.
 */
const EVENTS: Partial<Record<JobReason, readonly RetryEvent[]>> = {
  failed_to_start_due_to_no_capacity: ["no-capacity"],
  interrupted_by_no_capacity: ["interruption"],
  instance_unreachable: ["interruption", "error"],
  instance_access_revoked: ["error"],
  waiting_instance_limit_exceeded: ["error"],
  waiting_runner_limit_exceeded: ["error"],
  volume_error: ["error"],
  gateway_error: ["error"],
  container_exited_with_error: ["error"],
  ports_binding_failed: ["error"],
  creating_container_error: ["error"],
  executor_error: ["error"],
  log_quota_exceeded: ["error"],
};

/** One attempt at a job, as far as retrying is concerned. `instance_id`: null until it was placed. */
export type Attempt = Pick<
  SubmissionRow,
  "termination_reason" | "instance_id" | "assigned_at" | "submitted_at" | "last_processed_at" | "finished_at"
>;

export interface JobHistory {
  retry: JobRetry | null;
  /** Oldest first; of a scheduled run only those of the current execution. */
  attempts: readonly Attempt[];
  /** When the run was submitted, or its schedule last fired. */
  since: number;
}

/** `never`: this end is not among those to be retried. `late`: it is, but its time is over. */
export type Verdict = "never" | "late" | "retry";

/** An attempt that lasted longer was no failed start: what comes after it is counted anew. */
export const STABLE_MS = 600_000;

const BACKOFF_MS = [15_000, 30_000, 60_000, 120_000, 300_000, 600_000] as const;

const isRetried = (retry: JobRetry | null, reason: JobReason | null | undefined): boolean =>
  ((reason && EVENTS[reason]) || []).some((event) => retry?.on_events.includes(event));

/** What the loss of its host is to a job (docs/spec/lifecycle.md §1.3a): spot instances are taken back. */
export const reasonOfLoss = ({
  provisioning_data: placed,
}: Pick<SubmissionRow, "provisioning_data">): JobReason =>
  placed?.instance_type.resources.spot ? "interrupted_by_no_capacity" : "instance_unreachable";

/** Whether another attempt follows the loss of its host. */
export const outlivesHost = (
  submission: Pick<SubmissionRow, "provisioning_data"> & { job_spec: Pick<JobSpec, "retry"> },
): boolean => isRetried(submission.job_spec.retry, reasonOfLoss(submission));

/** Whether a job that has ended (or is about to) gets another attempt (docs/spec/lifecycle.md §3.1). */
export const judgeRetry = (history: JobHistory, now: number): Verdict => {
  const reason = history.attempts.at(-1)?.termination_reason;
  if (!isRetried(history.retry, reason)) return "never";
  return now > retryUntil(history) ? "late" : "retry";
};

/** The last moment at which a job whose latest attempt has failed may be tried again. */
export const retryUntil = (history: JobHistory): number => {
  const [first] = failuresInARow(history.attempts);
  return (first ? endOf(first) : history.since) + (history.retry?.duration ?? 0) * 1000;
};

/** When the next attempt may be made: later with every failure in a row (docs/spec/lifecycle.md §3.2). */
export const retryAt = (history: JobHistory): number => {
  const failures = failuresInARow(history.attempts).length;
  const pause = BACKOFF_MS[Math.min(Math.max(failures, 1), BACKOFF_MS.length) - 1] ?? 0;
  return Math.max(history.since, ...history.attempts.map(endOf)) + pause;
};

/** The placed attempts at the end of the list that lasted for a moment only, and the one they followed, if any. */
const failuresInARow = (attempts: readonly Attempt[]): Attempt[] => {
  const placed = attempts.filter((attempt) => attempt.instance_id !== null);
  const lastStable = placed.findLastIndex((attempt) => endOf(attempt) - startOf(attempt) >= STABLE_MS);
  return placed.slice(Math.max(lastStable, 0));
};

const startOf = (attempt: Attempt): number => attempt.assigned_at ?? attempt.submitted_at;
const endOf = (attempt: Attempt): number => attempt.finished_at ?? attempt.last_processed_at;
