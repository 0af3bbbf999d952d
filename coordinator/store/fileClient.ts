import type { Client, InArgs, InStatement, ResultSet } from "@libsql/client";
import Database from "libsql";

/** More than the coordinator has, so that none of its own statements is ever prepared twice. */
const MOST_STATEMENTS = 1000;

interface Prepared {
  statement: Database.Statement<unknown[]>;
  columns: string[];
  columnTypes: string[];
}

type AnyStatement = InStatement | [string, InArgs?];

interface Batch {
  statements: readonly AnyStatement[];
  resolve: (results: ResultSet[]) => void;
  reject: (reason: unknown) => void;
}

/** Calls back once the events that are there by now have been handled. */
export type Soon = (callback: () => void) => void;

/**
 * A client of one database file, for this process alone, as drizzle uses one. The client of `@libsql/client` prepares
 * a statement each time and asks for its columns twice, which costs seven times what the query itself does
 * (docs/adr/0005-statement-cache.md). Every statement runs to its end before the next, so a batch needs no connection
 * of its own. Batches that come close together are committed together (`soon` says when): each takes effect as a whole
 * or not at all, but the price of a commit is paid once. Rows are arrays: by position, not by name.
 */
export const openFileClient = (path: string, soon: Soon = setImmediate): Client => {
  const db = new Database(path);
  const prepared = new Map<string, Prepared>();

  const prepare = (sql: string): Prepared => {
    const known = prepared.get(sql);
    if (known) return known;
    const statement = db.prepare(sql);
    const columns = statement.reader ? statement.raw(true).columns() : [];
    const fresh: Prepared = {
      statement,
      columns: columns.map((column) => column.name),
      columnTypes: columns.map((column) => column.type ?? ""),
    };
    if (prepared.size >= MOST_STATEMENTS) prepared.clear();
    prepared.set(sql, fresh);
    return fresh;
  };

  const run = (sql: string, args: InArgs = []): ResultSet => {
    const { statement, columns, columnTypes } = prepare(sql);
    const values = Array.isArray(args) ? args.map(toSql) : args;
    if (columns.length > 0) return new FileResult({ columns, columnTypes, rows: statement.all(values) });
    const { changes, lastInsertRowid } = statement.run(values);
    return new FileResult({ rowsAffected: changes, lastInsertRowid: BigInt(lastInsertRowid) });
  };

  const runAny = (statement: AnyStatement): ResultSet => {
    if (typeof statement === "string") return run(statement);
    return Array.isArray(statement) ? run(...statement) : run(statement.sql, statement.args);
  };

  const transact = (statements: readonly AnyStatement[]): ResultSet[] => {
    run("BEGIN IMMEDIATE");
    try {
      const results = statements.map(runAny);
      run("COMMIT");
      return results;
    } catch (err) {
      if (db.inTransaction) run("ROLLBACK");
      throw err;
    }
  };

  let waiting: Batch[] = [];

  /** Commits what has come since the last time as one; where that fails, each by itself, so that none spoils others. */
  const commitWaiting = (): void => {
    const group = waiting;
    waiting = [];
    try {
      const results = transact(group.flatMap((one) => one.statements));
      for (const { statements, resolve } of group) resolve(results.splice(0, statements.length));
    } catch (err) {
      const [only] = group;
      if (group.length === 1) only?.reject(err);
      else for (const one of group) commitAlone(one);
    }
  };

  const commitAlone = ({ statements, resolve, reject }: Batch): void => {
    try {
      resolve(transact(statements));
    } catch (err) {
      reject(err);
    }
  };

  const batch = (statements: readonly AnyStatement[]): Promise<ResultSet[]> => {
    const { promise, resolve, reject } = Promise.withResolvers<ResultSet[]>();
    if (waiting.length === 0) soon(commitWaiting);
    waiting.push({ statements, resolve, reject });
    return promise;
  };

  const refuse = (what: string) => (): never => {
    throw new Error(`The file database has no ${what}: a batch is one transaction`);
  };

  return {
    // Inside an async function, so that what SQLite refuses rejects instead of being thrown at the caller.
    execute: async (statement: InStatement, args?: InArgs) =>
      typeof statement === "string" ? run(statement, args) : runAny(statement),
    batch,
    migrate: batch,
    transaction: refuse("interactive transactions"),
    executeMultiple: async (sql: string) => void db.exec(sql),
    sync: refuse("replicas"),
    reconnect: refuse("connection to renew"),
    close: () => {
      if (waiting.length > 0) commitWaiting();
      prepared.clear();
      db.close();
    },
    get closed() {
      return !db.open;
    },
    protocol: "file",
  };
};

const toSql = (value: unknown): unknown => (typeof value === "boolean" ? Number(value) : value);

const NO_ROWS: ResultSet["rows"] = [];
const NO_NAMES: string[] = [];

interface Result {
  columns?: string[];
  columnTypes?: string[];
  rows?: unknown[];
  rowsAffected?: number;
  lastInsertRowid?: bigint;
}

/** Made for every statement, so without a copy of anything. */
class FileResult implements ResultSet {
  readonly columns: string[];
  readonly columnTypes: string[];
  readonly rows: ResultSet["rows"];
  readonly rowsAffected: number;
  readonly lastInsertRowid: bigint | undefined;

  constructor({ columns, columnTypes, rows, rowsAffected, lastInsertRowid }: Result) {
    this.columns = columns ?? NO_NAMES;
    this.columnTypes = columnTypes ?? NO_NAMES;
    this.rows = (rows as ResultSet["rows"] | undefined) ?? NO_ROWS;
    this.rowsAffected = rowsAffected ?? 0;
    this.lastInsertRowid = lastInsertRowid;
  }

  toJSON(): unknown {
    return { ...this };
  }
}
