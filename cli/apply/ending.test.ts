import { describe, expect, test } from "bun:test";
import { aRun, aRunOfJobs } from "../testing/builders.ts";
import { endingLines, exitCodeOf } from "./ending.ts";

const MORE = "Check dstack logs -d talker for more details.";

describe("endingLines()", () => {
  test.each([
    [aRun("done", 0), ["Exited (0)"]],
    [aRun("failed", 11, { status_message: "exited (11)" }), ["Exited (11)", MORE]],
    [
      aRun("failed", undefined, {
        status_message: "no capacity",
        termination_reason: "failed_to_start_due_to_no_capacity",
        termination_reason_message: "No matching instances",
      }),
      ["No capacity", "No matching instances"],
    ],
    [
      aRun("terminated", undefined, {
        status_message: "terminated",
        error: "max duration exceeded",
        termination_reason: "max_duration_exceeded",
      }),
      ["Terminated (Max duration exceeded)", MORE],
    ],
    [
      aRunOfJobs("failed", [
        { status: "terminated", changes: { termination_reason: "terminated_by_server" } },
        {
          status: "failed",
          changes: { status_message: "exited (3)", termination_reason: "container_exited_with_error" },
        },
      ]),
      ["Exited (3)", MORE],
    ],
  ])("of %#", (run, lines) => {
    expect(endingLines(run)).toEqual(lines);
  });
});

test.each([
  ["done", 0],
  ["failed", 1],
  ["terminated", 1],
] as const)("exitCodeOf() a run that is %s", (status, code) => {
  expect(exitCodeOf(aRun(status))).toBe(code);
});
