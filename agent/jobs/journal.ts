import { Database } from "bun:sqlite";
import { renameSync } from "node:fs";
import { AppError, messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { Assignment } from "../../shared/protocol/assignment.ts";
import type { Report } from "../../shared/protocol/report.ts";
import { HeldSubmission } from "../../shared/protocol/sync.ts";
import type { JobEnd } from "../runtime/runtime.ts";

/** What the agent knows of one submission, across its own restarts. */
export interface JournalEntry {
  assignment: Assignment;
  state: HeldSubmission["state"];
  /** When it was received, milliseconds since 1970. */
  receivedAt: number;
  /** Whether the coordinator knows that this host has it (shared/protocol/assignment.ts, claim_lease_ms). */
  isConfirmed: boolean;
  /** When the command was started; its longest duration counts from here. */
  startedAt: number | null;
  end: JobEnd | null;
}

interface Row {
  id: string;
  assignment: string;
  /** One of HeldSubmission, unless a newer agent wrote it. */
  state: string;
  received_at: number;
  is_confirmed: number;
  started_at: number | null;
  end: string | null;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS submissions (
    id TEXT PRIMARY KEY, assignment TEXT NOT NULL, state TEXT NOT NULL, received_at INTEGER NOT NULL,
    is_confirmed INTEGER NOT NULL DEFAULT 0, started_at INTEGER, end TEXT, sequence INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE IF NOT EXISTS reports (
    submission_id TEXT NOT NULL REFERENCES submissions (id) ON DELETE CASCADE,
    sequence INTEGER NOT NULL, report TEXT NOT NULL, PRIMARY KEY (submission_id, sequence)
  ) STRICT;
`;

/**
 * The agent's memory. A job is written here before it is named to the coordinator, a report before it is sent.
 * The file is held exclusively, so it is also what keeps a second agent off the same state directory.
 */
export class Journal implements Disposable {
  readonly #db: Database;
  readonly #log: Logger;

  /** How often it was opened, this time included. */
  readonly start: number;

  private constructor(db: Database, log: Logger) {
    this.#db = db;
    this.#log = log;
    const opened = db.query<{ user_version: number }, []>("PRAGMA user_version").get()?.user_version ?? 0;
    this.start = opened + 1;
    db.run(`PRAGMA user_version = ${this.start}`);
  }

  /** Opens or makes the journal; one that is damaged is moved aside, for its jobs are not worth the host. */
  static open(path: string, log: Logger): Journal {
    try {
      return new Journal(openPatiently(path), log);
    } catch (err) {
      const { code } = err as { code?: string };
      if (code === "SQLITE_BUSY")
        throw new AppError("conflict", `Another agent is running on this host with the journal ${path}`, {
          hint: "Stop it first, or give this one a state directory of its own",
        });
      if (code !== "SQLITE_NOTADB" && code !== "SQLITE_CORRUPT")
        throw new AppError("invalid", `Cannot open the journal ${path}: ${messageOf(err)}`, { cause: err });
      const aside = `${path}.damaged-${Date.now()}`;
      renameSync(path, aside);
      log.error("The journal is damaged; it was moved aside, and what it held is lost", { aside });
      return new Journal(openPatiently(path), log);
    }
  }

  /** How many jobs the journal of an agent that does not run holds; undefined: an agent has it. Changes nothing. */
  static count(path: string): number | undefined {
    try {
      using db = openDatabase(path, 0);
      return db.query<{ jobs: number }, []>("SELECT count(*) AS jobs FROM submissions").get()?.jobs ?? 0;
    } catch (err) {
      if ((err as { code?: string }).code === "SQLITE_BUSY") return undefined;
      throw new AppError("invalid", `Cannot read the journal ${path}: ${messageOf(err)}`, { cause: err });
    }
  }

  list(): JournalEntry[] {
    const rows = this.#db.query<Row, []>("SELECT * FROM submissions ORDER BY received_at").all();
    return rows.flatMap((row) => {
      const assignment = Assignment.safeParse(JSON.parse(row.assignment));
      // One that another version of the agent wrote must not keep this one from all the others.
      if (!assignment.success) {
        this.#log.error("A job in the journal cannot be read; it is given up", { submission_id: row.id });
        this.remove(row.id);
        return [];
      }
      return {
        assignment: assignment.data,
        state: stateOf(row),
        receivedAt: row.received_at,
        isConfirmed: row.is_confirmed === 1,
        startedAt: row.started_at,
        end: row.end === null ? null : (JSON.parse(row.end) as JobEnd),
      };
    });
  }

  add(assignment: Assignment, receivedAt: number): JournalEntry {
    this.#db.run(
      "INSERT INTO submissions (id, assignment, state, received_at) VALUES (?, ?, 'preparing', ?)",
      [assignment.submission_id, JSON.stringify(assignment), receivedAt],
    );
    return { assignment, state: "preparing", receivedAt, isConfirmed: false, startedAt: null, end: null };
  }

  confirm(ids: readonly string[]): void {
    const confirm = this.#db.query("UPDATE submissions SET is_confirmed = 1 WHERE id = ?");
    this.#db.transaction(() => {
      for (const id of ids) confirm.run(id);
    })();
  }

  setStopping(id: string): void {
    this.#db.run("UPDATE submissions SET state = 'stopping' WHERE id = ?", [id]);
  }

  /** Notes a fact together with the report of it, which gets the submission's next sequence. */
  note(id: string, fact: Report["fact"], facts: { at: number; startedAt?: number; end?: JobEnd }): Report {
    return this.#db.transaction(() => {
      const row = this.#db
        .query<{ sequence: number }, [string, number | null, string | null, string]>(
          `UPDATE submissions SET sequence = sequence + 1, state = CASE WHEN state = 'stopping' AND ?1 <> 'finished'
             THEN state ELSE ?1 END, started_at = coalesce(started_at, ?2), end = coalesce(end, ?3)
           WHERE id = ?4 RETURNING sequence`,
        )
        .get(fact.state, facts.startedAt ?? null, facts.end ? JSON.stringify(facts.end) : null, id);
      if (!row) throw new Error(`Submission ${id} is not in the journal`);
      const report = { submission_id: id, sequence: row.sequence, at: facts.at, fact };
      this.#db.run("INSERT INTO reports (submission_id, sequence, report) VALUES (?, ?, ?)", [
        id,
        row.sequence,
        JSON.stringify(report),
      ]);
      return report;
    })();
  }

  /** Reports that the coordinator has not answered yet, in order. */
  listReports(): Report[] {
    return this.#db
      .query<{ report: string }, []>("SELECT report FROM reports ORDER BY rowid")
      .all()
      .map(({ report }) => JSON.parse(report) as Report);
  }

  removeReport(report: Pick<Report, "submission_id" | "sequence">): void {
    this.#db.run("DELETE FROM reports WHERE submission_id = ? AND sequence = ?", [
      report.submission_id,
      report.sequence,
    ]);
  }

  remove(id: string): void {
    this.#db.run("DELETE FROM submissions WHERE id = ?", [id]);
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }
}

/** What the coordinator is told of a job whose state only a newer agent knows. */
const stateOf = ({ state, started_at, end }: Row): HeldSubmission["state"] => {
  const known = HeldSubmission.shape.state.safeParse(state);
  if (known.success) return known.data;
  if (end !== null) return "finished";
  return started_at === null ? "preparing" : "running";
};

/** A command that looks into the journal has it for moments, and must not keep the agent from starting. */
const PATIENCE_MS = 1_000;

const RETRY_MS = 20;

/** SQLite does not wait where two have begun to read and both want to write: one of them has to let go, and come again. */
const openPatiently = (path: string): Database => {
  for (const until = performance.now() + PATIENCE_MS; ; Bun.sleepSync(RETRY_MS)) {
    try {
      return openDatabase(path, PATIENCE_MS);
    } catch (err) {
      if ((err as { code?: string }).code !== "SQLITE_BUSY" || performance.now() > until) throw err;
    }
  }
};

const openDatabase = (path: string, patienceMs: number): Database => {
  const db = new Database(path, { create: true, strict: true });
  try {
    db.run(`PRAGMA busy_timeout = ${patienceMs}`);
    // Exclusive before anything else: it also spares the shared memory file of the write-ahead log.
    db.run("PRAGMA locking_mode = EXCLUSIVE");
    db.run("PRAGMA journal_mode = WAL");
    db.run("PRAGMA synchronous = NORMAL");
    db.run("PRAGMA foreign_keys = ON");
    db.run("PRAGMA cache_size = -512");
    db.run(SCHEMA);
    const check = db.query<{ quick_check: string }, []>("PRAGMA quick_check(1)").get();
    if (check?.quick_check !== "ok") throw Object.assign(new Error("damaged"), { code: "SQLITE_CORRUPT" });
    // A reader could open it until the first write.
    db.run("BEGIN IMMEDIATE; COMMIT");
    return db;
  } catch (err) {
    db.close();
    throw err;
  }
};
