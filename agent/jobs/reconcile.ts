import type { Assignment } from "../../shared/protocol/assignment.ts";
import type { Desired, HeldSubmission } from "../../shared/protocol/sync.ts";

export type Step =
  | { do: "start"; assignment: Assignment }
  | { do: "stop"; id: string; graceMs: number }
  /** Say that it has ended: it never began here, and will not. */
  | { do: "decline"; id: string }
  /** End it without grace, delete it, name it no more. */
  | { do: "forget"; id: string };

/**
 * What is to be done to come from what is held to what is desired (shared/protocol/sync.ts). Level-triggered: the
 * same answer twice asks for nothing new but stops, which may be repeated.
 */
export const reconcile = (held: readonly HeldSubmission[], desired: readonly Desired[]): Step[] => {
  const states = new Map(held.map(({ submission_id: id, state }) => [id, state]));
  const wanted = new Set(desired.map((one) => one.submission_id));
  const forgotten = [...states.keys()]
    .filter((id) => !wanted.has(id))
    .map((id): Step => ({ do: "forget", id }));
  return [...forgotten, ...desired.flatMap((one) => stepOf(one, states.get(one.submission_id)))];
};

const stepOf = (desired: Desired, state: HeldSubmission["state"] | undefined): Step[] => {
  if (desired.action === "run")
    return state === undefined && desired.assignment ? [{ do: "start", assignment: desired.assignment }] : [];
  if (desired.action === "keep" || state === "finished") return [];
  if (state === undefined) return [{ do: "decline", id: desired.submission_id }];
  return [{ do: "stop", id: desired.submission_id, graceMs: desired.grace_ms }];
};
