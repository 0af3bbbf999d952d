import { expect, test } from "bun:test";
import { JOB_STATUSES } from "../../shared/states.ts";
import { desiredOf } from "./desired.ts";

const ID = "9a4f7c1e-8f3b-4b55-a1a2-6c1f0f6f2d10";

/** What is wanted by status: of what the agent holds, and of what it does not. */
const TABLE = {
  submitted: ["run", "start"],
  provisioning: ["run", "start"],
  pulling: ["run", "start"],
  running: ["run", "start"],
  terminating: ["stop", "stop"],
  terminated: ["keep", undefined],
  aborted: ["keep", undefined],
  failed: ["keep", undefined],
  done: ["keep", undefined],
} as const;

test.each(JOB_STATUSES.flatMap((status) => [true, false].map((held) => [status, held] as const)))(
  "desiredOf(%s, held: %p)",
  (status, held) => {
    const wanted = desiredOf({ id: ID, status, stop_grace_ms: 7, assigned_at: 1 }, held);
    expect(typeof wanted === "object" ? wanted.action : wanted).toBe(TABLE[status][held ? 0 : 1]);
    if (status === "terminating") expect(wanted).toEqual({ action: "stop", submission_id: ID, grace_ms: 7 });
  },
);

test("a node that waits for its turn is not told to its host", () => {
  const waiting = { id: ID, status: "provisioning" as const, stop_grace_ms: null, assigned_at: null };
  expect(desiredOf(waiting, false)).toBeUndefined();
});
