import { expect, test } from "bun:test";
import {
  FINAL_JOB_STATUSES,
  FINAL_RUN_STATUSES,
  FLEET_STATUSES,
  fleetSources,
  INSTANCE_STATUSES,
  instanceSources,
  isFinalJob,
  isFinalRun,
  JOB_REASON_STATUS,
  JOB_STATUSES,
  jobSources,
  LIVE_JOB_STATUSES,
  LIVE_RUN_STATUSES,
  RUN_REASONS,
  RUN_STATUSES,
  runSources,
} from "./states.ts";

test("final statuses are those of the specification, and nothing leaves them", () => {
  expect(FINAL_RUN_STATUSES).toEqual(["terminated", "failed", "done"]);
  expect(FINAL_JOB_STATUSES).toEqual(["terminated", "aborted", "failed", "done"]);
  expect(LIVE_RUN_STATUSES).toEqual(["pending", "submitted", "provisioning", "running", "terminating"]);
  expect(LIVE_JOB_STATUSES).toEqual(["submitted", "provisioning", "pulling", "running", "terminating"]);
  for (const to of RUN_STATUSES) expect(runSources(to).some(isFinalRun)).toBe(false);
  for (const to of JOB_STATUSES) expect(jobSources(to).some(isFinalJob)).toBe(false);
  for (const to of INSTANCE_STATUSES) expect(instanceSources(to)).not.toContain("terminated");
});

test("a fleet ends through terminating, and stays ended", () => {
  expect(fleetSources("terminated")).toEqual(["terminating"]);
  expect(fleetSources("terminating")).toEqual(["active"]);
  for (const to of FLEET_STATUSES) expect(fleetSources(to)).not.toContain("terminated");
});

test("every final status is reached through terminating", () => {
  for (const to of FINAL_RUN_STATUSES) expect(runSources(to)).toEqual(["terminating"]);
  for (const to of FINAL_JOB_STATUSES) expect(jobSources(to)).toEqual(["terminating"]);
});

test("a stop is legal in every status that is not final", () => {
  const alive = RUN_STATUSES.filter((s) => !isFinalRun(s) && s !== "terminating");
  expect(runSources("terminating").toSorted()).toEqual([...alive].sort());
});

test("every reason ends in a final status", () => {
  for (const status of Object.values(JOB_REASON_STATUS)) expect(isFinalJob(status)).toBe(true);
  for (const { status, jobs } of Object.values(RUN_REASONS)) {
    expect(isFinalRun(status)).toBe(true);
    expect(jobs in JOB_REASON_STATUS).toBe(true);
  }
});
