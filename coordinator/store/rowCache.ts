import { HeldIndex } from "./heldIndex.ts";
import type { runs, submissions } from "./schema.ts";

type RunRow = typeof runs.$inferSelect;
type SubmissionRow = typeof submissions.$inferSelect;

/** What a write does to one row; `guard`: whether it does it to a row that is so, as its SQL says too. */
type Change<R> =
  | { kind: "added"; row: R }
  | { kind: "changed"; id: string; patch: Partial<R>; guard?: (row: R) => boolean }
  | { kind: "removed"; id: string };

export type RowChange =
  | ({ table: "runs" } & Exclude<Change<RunRow>, { kind: "removed" }>)
  | ({ table: "submissions" } & Change<SubmissionRow>);

/** How a write went; `unknown`: it failed, and may yet have happened. */
export type Outcome = "changed" | "unchanged" | "unknown";

interface Remembered {
  run?: RunRow | undefined;
  submissions?: SubmissionRow[] | undefined;
}

/** Runs that are remembered, with their submissions: as many as are busy at one time, and not what lies idle. */
const MOST_RUNS = 2_000;

/**
 * Rows of runs and submissions as they were last read or written: the engine asks for those of one run again and again
 * while it moves it along. This process is the only one that writes them (ownership.ts), and every write says what it
 * changes; after one that does not, everything is read anew.
 */
export class RowCache {
  readonly #runs = new Map<string, Remembered>();
  readonly #runOf = new Map<string, string>();
  readonly #told = new Set<string>();
  /** Writes under way, by run; "": to a submission whose run is not remembered. */
  readonly #writing = new Map<string, number>();
  /** When a write of a run ended last, as far back as `#forgotten`. */
  readonly #writtenAt = new Map<string, number>();
  #forgotten = 0;
  #now = 0;
  /** What hosts have or should have. */
  readonly held = new HeldIndex();

  /** A moment, counted in writes: what is read from now on is as new as all that have ended by then. */
  get now(): number {
    return this.#now;
  }

  findRun(id: string): RunRow | undefined {
    return this.#settled(id)?.run;
  }

  listSubmissions(runId: string): SubmissionRow[] | undefined {
    return this.#settled(runId)?.submissions;
  }

  findSubmission(id: string): SubmissionRow | undefined {
    return this.#settled(this.#runOf.get(id) ?? "")?.submissions?.find((row) => row.id === id);
  }

  /** As it was before the writes under way; for whoever has the store itself decide. */
  peekSubmission(id: string): SubmissionRow | undefined {
    return this.#runs.get(this.#runOf.get(id) ?? "")?.submissions?.find((row) => row.id === id);
  }

  /** Keeps what was read since `begun`, unless a write of that run has ended meanwhile. */
  keepRun(run: RunRow, begun: number): void {
    if (this.#isNew(run.id, begun)) this.#entry(run.id).run = run;
  }

  keepSubmissions(runId: string, rows: SubmissionRow[], begun: number): void {
    if (!this.#isNew(runId, begun)) return;
    this.#entry(runId).submissions = rows;
    for (const { id } of rows) this.#runOf.set(id, runId);
  }

  /**
   * A write begins that says what it does to a row; to be told how it went. Until then only the store knows whether it
   * has happened, so nothing of that run is answered from here.
   */
  begin(sql: string, change: RowChange): (outcome: Outcome) => void {
    this.#told.add(sql);
    this.held.noteWriting(change);
    const runId = this.#runIdOf(change);
    this.#writing.set(runId, (this.#writing.get(runId) ?? 0) + 1);
    return (outcome) => {
      this.#noteWritten(this.#runIdOf(change));
      const others = (this.#writing.get(runId) ?? 0) - 1;
      if (others > 0) this.#writing.set(runId, others);
      else this.#writing.delete(runId);
      this.held.noteWritten(change, outcome);
      if (outcome === "changed") this.#apply(change);
      else if (outcome === "unknown") this.#drop(this.#runIdOf(change));
    };
  }

  /** Does the statement say what it changes whenever it is used? */
  isTold(sql: string): boolean {
    return this.#told.has(sql);
  }

  /** Nothing of the run has been written since that moment (`now`), nor is being written. */
  isUnwrittenSince(runId: string, moment: number): boolean {
    return this.#isNew(runId, moment) && !this.#writing.has(runId);
  }

  clear(): void {
    this.#forgetWritten();
    this.held.clear();
    this.#runs.clear();
    this.#runOf.clear();
  }

  /** All that is remembered, for comparing it with what is stored. */
  *[Symbol.iterator](): Generator<RunRow | SubmissionRow> {
    for (const { run, submissions = [] } of this.#runs.values()) {
      if (run) yield run;
      yield* submissions;
    }
  }

  #entry(runId: string): Remembered {
    const known = this.#touch(runId);
    if (known) return known;
    const [oldest] = this.#runs.keys();
    if (this.#runs.size >= MOST_RUNS && oldest !== undefined) this.#drop(oldest);
    const fresh: Remembered = {};
    this.#runs.set(runId, fresh);
    return fresh;
  }

  #runIdOf(change: RowChange): string {
    if (change.kind === "added") return change.table === "runs" ? change.row.id : change.row.run_id;
    return change.table === "runs" ? change.id : (this.#runOf.get(change.id) ?? "");
  }

  #apply(change: RowChange): void {
    if (change.table === "runs" && change.kind === "added") {
      const entry = this.#entry(change.row.id);
      entry.run = change.row;
      entry.submissions = [];
      return;
    }
    const entry = this.#runs.get(this.#runIdOf(change));
    if (change.table === "runs") {
      if (entry?.run) entry.run = withPatch(entry.run, change.patch);
    } else if (entry?.submissions) {
      entry.submissions = withChange(entry.submissions, change);
      if (change.kind === "added") this.#runOf.set(change.row.id, change.row.run_id);
      if (change.kind === "removed") this.#runOf.delete(change.id);
    }
  }

  #noteWritten(runId: string): void {
    if (runId === "" || this.#writtenAt.size >= MOST_RUNS) this.#forgetWritten();
    else this.#writtenAt.set(runId, ++this.#now);
  }

  /** Any run may have been written just now. */
  #forgetWritten(): void {
    this.#forgotten = ++this.#now;
    this.#writtenAt.clear();
  }

  #isNew(runId: string, begun: number): boolean {
    return (this.#writtenAt.get(runId) ?? this.#forgotten) <= begun && !this.#writing.has("");
  }

  #settled(runId: string): Remembered | undefined {
    const entry = this.#touch(runId);
    return this.#writing.has(runId) ? undefined : entry;
  }

  #touch(runId: string): Remembered | undefined {
    const entry = this.#runs.get(runId);
    if (!entry) return undefined;
    this.#runs.delete(runId);
    this.#runs.set(runId, entry);
    return entry;
  }

  #drop(runId: string): void {
    for (const { id } of this.#runs.get(runId)?.submissions ?? []) this.#runOf.delete(id);
    this.#runs.delete(runId);
  }
}

/** As the row is after a write; what it does not name stays. */
export const withPatch = <R extends object>(row: R, patch: Partial<R>): R => {
  const next = { ...row };
  for (const name in patch) if (patch[name] !== undefined) next[name] = patch[name];
  return next;
};

/** The attempts of a run after a write, in their order. */
export const withChange = (rows: SubmissionRow[], change: Change<SubmissionRow>): SubmissionRow[] => {
  if (change.kind === "added") return [...rows, change.row].sort(byJobAndAttempt);
  if (change.kind === "removed") return rows.filter(({ id }) => id !== change.id);
  return rows.map((row) => (row.id === change.id ? withPatch(row, change.patch) : row));
};

const byJobAndAttempt = (a: SubmissionRow, b: SubmissionRow): number =>
  a.replica_num - b.replica_num || a.job_num - b.job_num || a.submission_num - b.submission_num;
