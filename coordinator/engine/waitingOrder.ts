import type { JobSpec } from "../../shared/api/jobs.ts";
import type { RunRow } from "../store/runs.ts";

/** A run that waits for capacity, with the jobs that need a host each. */
export interface WaitingRun {
  run: RunRow;
  jobSpecs: readonly JobSpec[];
}

/**
 * Who comes first of those that wait: the higher priority, then the older submission (docs/spec/lifecycle.md §2.4).
 * The whole order is this one function of the waiting set.
 */
export const waitingOrder = <W extends WaitingRun>(waiting: Iterable<W>): W[] =>
  [...waiting].sort(
    ({ run: a }, { run: b }) =>
      b.priority - a.priority || begunAt(a) - begunAt(b) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0),
  );

/** A scheduled run is as old as its execution. */
export const begunAt = (run: RunRow): number => run.triggered_at ?? run.submitted_at;
