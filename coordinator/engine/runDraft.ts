import type { RunStatus } from "../../shared/states.ts";
import type { Statement } from "../store/db.ts";
import { type RowChange, withChange, withPatch } from "../store/rowCache.ts";
import { findRun, insertRun, type RunRow, rewriteRun } from "../store/runs.ts";
import {
  deleteSubmissions,
  insertSubmissions,
  listSubmissions,
  rewriteSubmission,
  type SubmissionRow,
} from "../store/submissions.ts";
import { type Changes, commit } from "./changes.ts";
import type { EngineDeps } from "./engineDeps.ts";

type DraftDeps = Pick<EngineDeps, "db" | "tell" | "clock" | "counters">;

/** What is decided besides writes. */
const newRest = (): Required<Omit<Changes, "statements">> => ({ events: [], effects: [], undo: [] });

/**
 * One run and all attempts at its jobs, as they will be once what was decided so far is stored. Decisions that follow
 * from each other are made on top of each other and cost one transaction, with one write for each row however many of
 * them have changed it (docs/adr/0015-run-drafts.md). Only for whoever has the run to himself (engine.ts).
 */
export class RunDraft {
  readonly #deps: DraftDeps;
  readonly #runId: string;
  #run: RunRow | undefined;
  #submissions: SubmissionRow[] = [];
  /** In the order in which they were decided; a row has the place of what changed it first. */
  #writes: (() => Statement[])[] = [];
  /** By the row's id: what all changes of it come to. */
  #patches = new Map<string, object>();
  #rest = newRest();
  #moves: { from: RunStatus; run: RunRow }[] = [];
  #commits = 0;

  /** Of a run that is yet to be stored. */
  constructor(deps: DraftDeps, runId: string) {
    this.#deps = deps;
    this.#runId = runId;
  }

  /** The run as it is stored; without rows where there is none. */
  static async open(deps: DraftDeps, runId: string): Promise<RunDraft> {
    const draft = new RunDraft(deps, runId);
    await draft.read();
    return draft;
  }

  get run(): RunRow | undefined {
    return this.#run;
  }

  /** By replica, job and attempt. */
  get submissions(): readonly SubmissionRow[] {
    return this.#submissions;
  }

  findSubmission(id: string): SubmissionRow | undefined {
    return this.#submissions.find((row) => row.id === id);
  }

  /** How often something of it was stored. */
  get commits(): number {
    return this.#commits;
  }

  /** Nothing was decided that is not stored. */
  get isStored(): boolean {
    return this.#writes.length === 0;
  }

  /** Does memory not show yet what was decided: who is on which host, who waits for what? */
  get hasEffects(): boolean {
    return this.#rest.effects.length > 0;
  }

  /** Takes a decision on. A write that its own guard would refuse changes nothing here either. */
  add(changes: Changes): void {
    for (const statement of changes.statements) {
      const { change } = statement;
      if (change && this.#isOwn(change)) this.#apply(change);
      else this.#writes.push(() => [statement]);
    }
    const { events, effects, undo } = this.#rest;
    events.push(...(changes.events ?? []));
    effects.push(...changes.effects);
    undo.push(...(changes.undo ?? []));
  }

  /** Stores all of it in one transaction, then acts. Where that fails, what was decided is undone and forgotten. */
  async commit(): Promise<void> {
    const { clock, counters } = this.#deps;
    const statements = this.#writes.flatMap((write) => write());
    const [rest, moves] = [this.#rest, this.#moves];
    this.#writes = [];
    this.#patches.clear();
    this.#rest = newRest();
    this.#moves = [];
    try {
      await commit(this.#deps, { ...rest, statements });
      this.#commits++;
      for (const { from, run } of moves) counters.moved(run, from, clock.now());
    } finally {
      await this.read();
    }
  }

  /** Takes over what others have stored; only while `isStored`. */
  async read(): Promise<void> {
    const { db } = this.#deps;
    this.#run = await findRun(db, this.#runId);
    this.#submissions = this.#run ? await listSubmissions(db, this.#runId) : [];
  }

  #isOwn(change: RowChange): boolean {
    if (change.table === "runs") return (change.kind === "added" ? change.row.id : change.id) === this.#runId;
    return change.kind === "added"
      ? change.row.run_id === this.#runId
      : this.findSubmission(change.id) !== undefined;
  }

  #apply(change: RowChange): void {
    if (change.table === "submissions") this.#applyToJob(change);
    else if (change.kind === "added") this.#addRun(change.row);
    else if (this.#run && change.guard?.(this.#run) !== false) this.#patchRun(this.#run, change.patch);
  }

  #addRun(row: RunRow): void {
    this.#run = row;
    this.#patches.set(row.id, {});
    this.#writes.push(() => (this.#run ? [insertRun(this.#deps.db, this.#run)] : []));
  }

  #patchRun(before: RunRow, patch: Partial<RunRow>): void {
    this.#patch(before.id, patch, (whole) => [rewriteRun(this.#deps.db, before, whole)]);
    const run = withPatch(before, patch);
    this.#run = run;
    if (run.status !== before.status) this.#moves.push({ from: before.status, run });
  }

  #applyToJob(change: RowChange & { table: "submissions" }): void {
    const { db } = this.#deps;
    const find = (id: string) => this.#submissions.filter((row) => row.id === id);
    if (change.kind === "added") {
      const { id } = change.row;
      this.#patches.set(id, {});
      this.#writes.push(() => insertSubmissions(db, find(id)));
    } else {
      const { id } = change;
      const [before] = find(id);
      if (!before || (change.kind === "changed" && change.guard?.(before) === false)) return;
      if (change.kind === "removed") this.#writes.push(() => deleteSubmissions(db, [id]));
      else
        this.#patch(id, change.patch, (whole) =>
          find(id).length > 0 ? [rewriteSubmission(db, before, whole)] : [],
        );
    }
    this.#submissions = withChange(this.#submissions, change);
  }

  /** Notes what one more change does to a row; `write` is for the first of them. */
  #patch<R>(id: string, patch: Partial<R>, write: (whole: Partial<R>) => Statement[]): void {
    const known = this.#patches.get(id);
    const whole: Partial<R> = known ?? {};
    if (!known) {
      this.#patches.set(id, whole);
      this.#writes.push(() => write(whole));
    }
    Object.assign(whole, withPatch({}, patch));
  }
}
