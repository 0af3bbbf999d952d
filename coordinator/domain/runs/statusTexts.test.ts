import { expect, test } from "bun:test";
import {
  JOB_REASON_STATUS,
  type JobReason,
  type JobStatus,
  RUN_REASONS,
  type RunReason,
  type RunStatus,
} from "../../../shared/states.ts";
import { runError, runStatusMessage, submissionError, submissionStatusMessage } from "./statusTexts.ts";

const shown = (status: JobStatus, reason: JobReason | null, rest: { exit?: number; message?: string } = {}) =>
  submissionStatusMessage({
    status,
    termination_reason: reason,
    termination_reason_message: rest.message ?? null,
    exit_status: rest.exit ?? null,
  });

// docs/spec/lifecycle.md §1.3a
const SHOWN: Record<JobReason, [message: string, error: string | null]> = {
  failed_to_start_due_to_no_capacity: ["no capacity", null],
  interrupted_by_no_capacity: ["interrupted", null],
  instance_unreachable: ["error", "instance unreachable"],
  instance_access_revoked: ["error", "instance access revoked"],
  waiting_instance_limit_exceeded: ["error", "waiting instance limit exceeded"],
  waiting_runner_limit_exceeded: ["error", "waiting runner limit exceeded"],
  volume_error: ["error", "volume error"],
  gateway_error: ["error", "gateway error"],
  container_exited_with_error: ["exited (7)", null],
  ports_binding_failed: ["error", "ports binding failed"],
  creating_container_error: ["error", "runner error"],
  executor_error: ["error", "executor error"],
  log_quota_exceeded: ["error", "log quota exceeded"],
  done_by_runner: ["exited (0)", null],
  terminated_by_user: ["stopped", null],
  aborted_by_user: ["aborted", null],
  terminated_by_server: ["terminated", null],
  scaled_down: ["terminated", "scaled down"],
  inactivity_duration_exceeded: ["terminated", "inactivity duration exceeded"],
  terminated_due_to_utilization_policy: ["terminated", "utilization policy"],
  max_duration_exceeded: ["terminated", "max duration exceeded"],
};

test.each(Object.entries(SHOWN) as [JobReason, [string, string | null]][])(
  "%s",
  (reason, [message, error]) => {
    expect(shown(JOB_REASON_STATUS[reason], reason, { exit: 7 })).toBe(message);
    expect(submissionError(reason)).toBe(error);
    expect(shown("terminating", reason)).toBe("terminating");
  },
);

test("a live job shows its status", () => {
  for (const status of ["submitted", "provisioning", "pulling", "running"] as const)
    expect(shown(status, null)).toBe(status);
});

test("a job without any fleet shows so", () => {
  const message = "No matching fleet found: no host has joined this project";
  expect(shown("failed", "failed_to_start_due_to_no_capacity", { message })).toBe("no fleets");
});

test("an end without an exit status is an error, where the reference shows `exited (None)`", () => {
  expect(shown("failed", "container_exited_with_error")).toBe("error");
});

// docs/spec/lifecycle.md §1.3b
const RUN_ENDS: Record<RunReason, [status: RunStatus, jobs: JobReason, error: string | null]> = {
  all_jobs_done: ["done", "done_by_runner", null],
  job_failed: ["failed", "terminated_by_server", null],
  retry_limit_exceeded: ["failed", "terminated_by_server", "retry limit exceeded"],
  stopped_by_user: ["terminated", "terminated_by_user", null],
  aborted_by_user: ["terminated", "aborted_by_user", null],
  server_error: ["failed", "terminated_by_server", "server error"],
  gateway_error: ["failed", "terminated_by_server", "gateway error"],
  // Ours: such runs fail in the reference (§9, quirk 1).
  ended_by_policy: ["terminated", "terminated_by_server", null],
};

test.each(Object.entries(RUN_ENDS) as [RunReason, [RunStatus, JobReason, string | null]][])(
  "a run that ends by %s",
  (reason, [status, jobs, error]) => {
    expect<{ status: RunStatus; jobs: JobReason }>(RUN_REASONS[reason]).toEqual({ status, jobs });
    expect(runError(reason)).toBe(error);
  },
);

test("runs show what all their jobs do", () => {
  const attempt = (status: JobStatus, reason: JobReason | null = null, events: string[] = []) => ({
    status,
    termination_reason: reason,
    job_spec: JSON.parse(JSON.stringify({ retry: { on_events: events, duration: 1 } })),
  });
  expect(runStatusMessage({ status: "provisioning" }, [[attempt("pulling")]])).toBe("pulling");
  expect(runStatusMessage({ status: "running" }, [[attempt("pulling")], [attempt("running")]])).toBe(
    "running",
  );
  expect(runStatusMessage({ status: "pending" }, [])).toBe("pending");
  const none = attempt("failed", "failed_to_start_due_to_no_capacity", ["no-capacity"]);
  expect(runStatusMessage({ status: "pending" }, [[none]])).toBe("retrying");
  expect(runStatusMessage({ status: "failed" }, [[none]])).toBe("failed");
  // The last that has ended counts, also when there is another one.
  expect(runStatusMessage({ status: "submitted" }, [[none, attempt("submitted")]])).toBe("retrying");
  const broken = attempt("failed", "container_exited_with_error", ["no-capacity", "error"]);
  expect(runStatusMessage({ status: "pending" }, [[none, broken]])).toBe("pending");
  expect(runStatusMessage({ status: "provisioning" }, [[none, attempt("provisioning")]])).toBe(
    "provisioning",
  );
  expect(runError(null)).toBeNull();
});
