import { describe, expect, test } from "bun:test";
import type { Run } from "../../shared/api/runs.ts";
import { aRun, aRunOfJobs } from "../testing/builders.ts";
import { isUp, waitingText } from "./phase.ts";

describe("waitingText()", () => {
  test("of a run that is about to be there", () => {
    for (const status of ["submitted", "provisioning", "pending"] as const)
      expect(waitingText(aRun(status))).toBe("Launching talker...");
  });

  // docs/spec/lifecycle.md §1.1
  test("of a run that waits for its schedule", () => {
    const run: Run = { ...aRun("pending"), jobs: [], next_triggered_at: "2026-01-02T03:04:05.000000Z" };
    expect(waitingText(run)).toMatch(/^talker is waiting for schedule\.\.\. Next run: .*2026/);
    expect(waitingText({ ...run, status: "submitted" })).toBe("Launching talker...");
  });
});

test("a run is up as long as its first node is, and when it is over", () => {
  const node = (status: "running" | "pulling") => ({ status });
  expect(isUp(aRunOfJobs("running", [node("running"), node("pulling")]))).toBe(true);
  expect(isUp(aRunOfJobs("running", [node("pulling"), node("running")]))).toBe(false);
  expect(isUp(aRun("provisioning"))).toBe(false);
  for (const status of ["done", "failed", "terminated"] as const) expect(isUp(aRun(status))).toBe(true);
});
