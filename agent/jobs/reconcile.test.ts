import { expect, test } from "bun:test";
import type { Desired, HeldSubmission } from "../../shared/protocol/sync.ts";
import { anAssignment } from "../testing/anAssignment.ts";
import { reconcile, type Step } from "./reconcile.ts";

const id = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
const assignment = anAssignment({ submission_id: id });
const run: Desired = { action: "run", submission_id: id };
const start: Desired = { ...run, assignment };
const stop: Desired = { action: "stop", submission_id: id, grace_ms: 5 };
const keep: Desired = { action: "keep", submission_id: id };
const doStop: Step[] = [{ do: "stop", id, graceMs: 5 }];
const forget: Step[] = [{ do: "forget", id }];

type State = HeldSubmission["state"] | "not held";
const ACTIVE: State[] = ["preparing", "pulling", "running", "stopping"];

const TABLE: [State[], Desired | undefined, Step[]][] = [
  [["not held"], start, [{ do: "start", assignment }]],
  // Without its assignment it can only be one that an earlier answer brought, and that is gone since.
  [["not held"], run, []],
  [["not held"], stop, [{ do: "decline", id }]],
  [["not held"], keep, []],
  [["not held"], undefined, []],
  [ACTIVE, start, []],
  [ACTIVE, run, []],
  [ACTIVE, stop, doStop],
  [ACTIVE, keep, []],
  [ACTIVE, undefined, forget],
  [["finished"], start, []],
  [["finished"], run, []],
  [["finished"], stop, []],
  [["finished"], keep, []],
  [["finished"], undefined, forget],
];

for (const [states, desired, steps] of TABLE) {
  for (const state of states) {
    test(`${state} / ${desired ? desired.action : "not desired"} → ${steps[0]?.do ?? "nothing"}`, () => {
      const held: HeldSubmission[] = state === "not held" ? [] : [{ submission_id: id, state }];
      expect(reconcile(held, desired ? [desired] : [])).toEqual(steps);
    });
  }
}

test("removals come first: they make room", () => {
  const other: HeldSubmission = { submission_id: crypto.randomUUID(), state: "running" };
  expect(reconcile([other], [start]).map((step) => step.do)).toEqual(["forget", "start"]);
});
