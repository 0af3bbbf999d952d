import { expect, test } from "bun:test";
import type { JobReason, JobStatus } from "../../../shared/states.ts";
import { deriveRun, isTerminated } from "./derive.ts";

const job = (status: JobStatus, reason: JobReason | null = null) => ({ status, termination_reason: reason });

test.each([
  [[job("submitted")], "submitted", undefined],
  [[job("provisioning")], "provisioning", undefined],
  [[job("pulling")], "provisioning", undefined],
  [[job("running")], "running", undefined],
  [[job("running"), job("submitted")], "running", undefined],
  [[job("pulling"), job("submitted")], "provisioning", undefined],
  [[job("done"), job("running")], "running", undefined],
  [[job("terminating", "done_by_runner")], "terminating", "all_jobs_done"],
  [[job("done"), job("done")], "terminating", "all_jobs_done"],
  [[job("failed", "container_exited_with_error"), job("running")], "terminating", "job_failed"],
  [[job("terminating", "container_exited_with_error")], "terminating", "job_failed"],
  [[job("aborted", "aborted_by_user")], "terminating", "job_failed"],
  [[job("terminated", "max_duration_exceeded")], "terminating", "job_failed"],
  [[job("terminated", "scaled_down"), job("running")], "running", undefined],
] as const)("deriveRun(%j) is %s %s", (jobs, status, reason) => {
  expect(deriveRun(jobs)).toEqual(reason ? { status, reason } : { status });
});

test("deriveRun() says nothing when no job does", () => {
  expect(deriveRun([])).toBeUndefined();
  expect(deriveRun([job("terminated", "scaled_down")])).toBeUndefined();
});

test("isTerminated() waits for the last job", () => {
  expect(isTerminated([job("done"), job("terminating")])).toBe(false);
  expect(isTerminated([job("done"), job("aborted")])).toBe(true);
});
