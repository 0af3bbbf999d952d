import { describe, expect, test } from "bun:test";
import type { RetryEvent } from "../../../shared/config/profile.ts";
import { JOB_REASON_STATUS, type JobReason } from "../../../shared/states.ts";
import { type Attempt, judgeRetry, retryAt, retryUntil, STABLE_MS } from "./retry.ts";

const HOUR_MS = 3_600_000;
const ALL: RetryEvent[] = ["no-capacity", "interruption", "error"];

/** An attempt that was placed at `from` and ended at `to`. */
const placed = (from: number, to: number, reason: JobReason = "container_exited_with_error"): Attempt => ({
  termination_reason: reason,
  instance_id: "host",
  assigned_at: from,
  submitted_at: from,
  last_processed_at: to,
  finished_at: to,
});

const unplaced = (at: number, reason: JobReason = "failed_to_start_due_to_no_capacity"): Attempt => ({
  ...placed(at, at, reason),
  instance_id: null,
  assigned_at: null,
});

const history = (attempts: Attempt[], events: RetryEvent[] = ALL, duration = 3600) => ({
  retry: { on_events: events, duration },
  attempts,
  since: 0,
});

/** docs/spec/lifecycle.md §1.3a, with the loss of a host as both of what it may be. */
const EVENTS_OF: Record<JobReason, RetryEvent[]> = {
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
  done_by_runner: [],
  terminated_by_user: [],
  aborted_by_user: [],
  terminated_by_server: [],
  scaled_down: [],
  inactivity_duration_exceeded: [],
  terminated_due_to_utilization_policy: [],
  max_duration_exceeded: [],
};

const REASONS = Object.keys(JOB_REASON_STATUS) as JobReason[];
const CASES = REASONS.flatMap((reason) => ALL.map((event) => [reason, event] as const));

describe("judgeRetry()", () => {
  test.each(CASES)("%s with retry on %s", (reason, event) => {
    const verdict = judgeRetry(history([placed(0, 10, reason)], [event]), 20);
    expect(verdict).toBe(EVENTS_OF[reason].includes(event) ? "retry" : "never");
  });

  test("without a policy nothing is retried", () => {
    expect(judgeRetry({ ...history([placed(0, 10)]), retry: null }, 20)).toBe("never");
  });

  test("no capacity counts from the run's submission while nothing was ever placed", () => {
    const waiting = history([unplaced(0), unplaced(HOUR_MS - 1)]);
    expect(judgeRetry(waiting, HOUR_MS)).toBe("retry");
    expect(judgeRetry(waiting, HOUR_MS + 1)).toBe("late");
  });

  test("after an attempt that was placed, no capacity counts from its end", () => {
    const lost = placed(0, 5 * HOUR_MS, "instance_unreachable");
    expect(judgeRetry(history([lost, unplaced(5 * HOUR_MS)]), 6 * HOUR_MS)).toBe("retry");
    expect(judgeRetry(history([lost, unplaced(5 * HOUR_MS)]), 6 * HOUR_MS + 1)).toBe("late");
  });

  test("what fails before it is ever placed is retried, too (lifecycle.md §9.3 is not copied)", () => {
    expect(judgeRetry(history([unplaced(0, "volume_error")]), 10)).toBe("retry");
  });

  test("attempts that fail at once share one window (lifecycle.md §9.3 is not copied)", () => {
    const loop = [placed(0, 10), placed(1_000, 1_010), placed(HOUR_MS, HOUR_MS + 10)];
    expect(retryUntil(history(loop))).toBe(HOUR_MS + 10);
    expect(judgeRetry(history(loop), HOUR_MS + 10)).toBe("retry");
    expect(judgeRetry(history(loop), HOUR_MS + 11)).toBe("late");
  });

  test("an attempt that lasted begins a new window", () => {
    const end = 100_000 + STABLE_MS;
    expect(retryUntil(history([placed(0, 10), placed(100_000, end)]))).toBe(end + HOUR_MS);
  });
});

test.each([
  [1, 15_000],
  [2, 30_000],
  [3, 60_000],
  [4, 120_000],
  [5, 300_000],
  [6, 600_000],
  [9, 600_000],
])("after %d failures in a row the next attempt comes after %d ms", (failures, pause) => {
  const attempts = Array.from({ length: failures }, (_, n) => placed(n * 100, n * 100 + 10));
  const lastEnd = (failures - 1) * 100 + 10;
  expect(retryAt(history(attempts))).toBe(lastEnd + pause);
});
