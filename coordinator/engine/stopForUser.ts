import { isFinalRun } from "../../shared/states.ts";
import { runEndedAnew } from "../domain/events/runEvents.ts";
import { patchRun, type RunRow } from "../store/runs.ts";
import { isScheduled } from "./attempts.ts";
import { type Changes, NOTHING } from "./changes.ts";
import type { EngineDeps } from "./engineDeps.ts";
import { runMove } from "./moves.ts";

/**
 * What a stop or an abort by a user changes about a run. One that is ending by itself goes on doing so; but an abort ends
 * the patience with its jobs, and a run with a schedule would begin again.
 */
export const stopForUser = (
  { db, clock }: Pick<EngineDeps, "db" | "clock">,
  run: RunRow,
  { abort, actorId }: { abort: boolean; actorId: string | undefined },
): Changes => {
  const { id, status, termination_reason: from } = run;
  const reason = abort ? "aborted_by_user" : "stopped_by_user";
  if (isFinalRun(status)) return NOTHING;
  if (status !== "terminating") {
    const patch = {
      termination_reason: reason,
      last_processed_at: clock.now(),
      next_triggered_at: null,
    } as const;
    return runMove(db, run, { to: "terminating", patch, actorId });
  }
  const isToldSo = from === "aborted_by_user" || from === reason;
  if (from === null || isToldSo || !(abort || isScheduled(run))) return NOTHING;
  return {
    statements: [patchRun(db, id, { termination_reason: reason })],
    events: [runEndedAnew(run, { from, to: reason, actorId })],
    effects: [],
  };
};
