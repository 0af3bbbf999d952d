import { describe, expect, test } from "bun:test";
import type { JobReason, JobStatus } from "../../../shared/states.ts";
import { deriveRun, isTerminated, type LatestSubmission } from "./derive.ts";
import type { Verdict } from "./retry.ts";

const job = (status: JobStatus, reason: JobReason | null = null): LatestSubmission => ({
  replica_num: 0,
  job_num: 0,
  status,
  termination_reason: reason,
  retry: "never",
});

const failed = (retry: Verdict, place: { replica?: number; num?: number } = {}): LatestSubmission => ({
  replica_num: place.replica ?? 0,
  job_num: place.num ?? 0,
  status: "failed",
  termination_reason: "container_exited_with_error",
  retry,
});

const at = (replica: number, num: number, one: LatestSubmission): LatestSubmission => ({
  ...one,
  replica_num: replica,
  job_num: num,
});

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
  [[job("terminated", "terminated_by_server")], "terminating", "job_failed"],
  [[job("terminated", "scaled_down"), job("running")], "running", undefined],
] as const)("deriveRun(%j) is %s %s", (jobs, status, reason) => {
  expect(deriveRun(jobs)).toEqual(reason ? { status, reason } : { status });
});

describe("deriveRun() with retries", () => {
  test("a replica to be tried again leaves the status to the others", () => {
    const jobs = [failed("retry"), at(1, 0, job("running"))];
    expect(deriveRun(jobs)).toEqual({ status: "running", retry: [0] });
  });

  test("when nothing else is left, the run is pending, also beside what is done", () => {
    expect(deriveRun([failed("retry")])).toEqual({ status: "pending", retry: [0] });
    expect(deriveRun([failed("retry"), at(1, 0, job("done"))])).toEqual({ status: "pending", retry: [0] });
  });

  test("one job to be tried again takes its whole replica with it", () => {
    const jobs = [failed("retry"), at(0, 1, job("running")), at(0, 2, job("done"))];
    expect(deriveRun(jobs)).toEqual({ status: "pending", retry: [0] });
    const ended = at(0, 1, job("terminated", "terminated_by_server"));
    expect(deriveRun([failed("retry"), ended])).toEqual({ status: "pending", retry: [0] });
  });

  test("what may not be tried again ends the run, and says so before a limit does", () => {
    expect(deriveRun([failed("late"), at(1, 0, job("running"))])).toEqual({
      status: "terminating",
      reason: "retry_limit_exceeded",
    });
    expect(deriveRun([failed("late"), failed("never", { replica: 1 })])).toEqual({
      status: "terminating",
      reason: "job_failed",
    });
    expect(deriveRun([failed("retry"), failed("never", { num: 1 })])).toEqual({
      status: "terminating",
      reason: "job_failed",
    });
  });
});

describe("deriveRun() with stop_criteria", () => {
  const jobs = [at(0, 0, job("done")), at(0, 1, job("running"))];

  test("master-done ends the run with its master", () => {
    expect(deriveRun(jobs, { isMasterEnough: true })).toEqual({
      status: "terminating",
      reason: "all_jobs_done",
    });
  });

  test("all-done waits for the workers", () => {
    expect(deriveRun(jobs)).toEqual({ status: "running" });
  });

  test("a failed worker counts before a master that is done", () => {
    const [master] = jobs;
    const worker = failed("never", { num: 1 });
    expect(master && deriveRun([master, worker], { isMasterEnough: true })).toEqual({
      status: "terminating",
      reason: "job_failed",
    });
  });
});

test.each([
  "max_duration_exceeded",
  "inactivity_duration_exceeded",
  "terminated_due_to_utilization_policy",
] as const)("a run that %s ended has not failed (lifecycle.md §9.1 is not copied)", (reason) => {
  expect(deriveRun([job("terminated", reason)])).toEqual({
    status: "terminating",
    reason: "ended_by_policy",
  });
});

test("deriveRun() says nothing when no job does", () => {
  expect(deriveRun([])).toBeUndefined();
  expect(deriveRun([job("terminated", "scaled_down")])).toBeUndefined();
});

test("isTerminated() waits for the last job", () => {
  expect(isTerminated([job("done"), job("terminating")])).toBe(false);
  expect(isTerminated([job("done"), job("aborted")])).toBe(true);
});
