import { expect, test } from "bun:test";
import { JOB_REASON_STATUS, type JobReason, type JobStatus } from "../../../shared/states.ts";
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

test("runs show what all their jobs do", () => {
  const job = (status: JobStatus, reason: JobReason | null = null, events: string[] = []) => ({
    status,
    termination_reason: reason,
    job_spec: JSON.parse(JSON.stringify({ retry: { on_events: events, duration: 1 } })),
  });
  expect(runStatusMessage({ status: "provisioning" }, [job("pulling")])).toBe("pulling");
  expect(runStatusMessage({ status: "running" }, [job("pulling"), job("running")])).toBe("running");
  expect(runStatusMessage({ status: "pending" }, [])).toBe("pending");
  const waiting = job("failed", "failed_to_start_due_to_no_capacity", ["no-capacity"]);
  expect(runStatusMessage({ status: "pending" }, [waiting])).toBe("retrying");
  expect(runStatusMessage({ status: "failed" }, [waiting])).toBe("failed");
  expect(runError("server_error")).toBe("server error");
  expect(runError("job_failed")).toBeNull();
  expect(runError(null)).toBeNull();
});
