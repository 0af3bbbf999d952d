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
export const waitingOrder = <W extends WaitingRun>(waiting: Iterable<W>): W[] => [...waiting].sort(compare);

const compare = ({ run: a }: WaitingRun, { run: b }: WaitingRun): number =>
  b.priority - a.priority || compareAge(a, b);

const compareAge = (a: RunRow, b: RunRow): number =>
  begunAt(a) - begunAt(b) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

/** Is it before the other one in the queue? */
export const isBefore = (one: WaitingRun, other: WaitingRun): boolean => compare(one, other) < 0;

/**
 * For whom hosts may be kept, first come first: by age alone, whatever the priority. So the choice changes with who
 * waits, and never because time goes by.
 */
export const byAge = <W extends WaitingRun>(waiting: Iterable<W>): W[] =>
  [...waiting].sort((a, b) => compareAge(a.run, b.run));

/** A scheduled run is as old as its execution. */
export const begunAt = (run: RunRow): number => run.triggered_at ?? run.submitted_at;
