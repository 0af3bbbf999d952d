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

/**
 * A client of one database file, for this process alone, as drizzle uses one. The client of `@libsql/client` prepares
 * a statement each time and asks for its columns twice, which costs seven times what the query itself does
 * (docs/adr/0005-statement-cache.md). Every call runs to its end before the next, so a batch needs no connection of
 * its own. Rows are arrays: by position, not by name.
 */
export const openFileClient = (path: string): Client => {
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
    if (columns.length > 0) return resultOf({ columns, columnTypes, rows: statement.all(values) });
    const { changes, lastInsertRowid } = statement.run(values);
    return resultOf({ rowsAffected: changes, lastInsertRowid: BigInt(lastInsertRowid) });
  };

  const runAny = (statement: AnyStatement): ResultSet => {
    if (typeof statement === "string") return run(statement);
    return Array.isArray(statement) ? run(...statement) : run(statement.sql, statement.args);
  };

  const batch = (statements: AnyStatement[]): ResultSet[] => {
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

  const refuse = (what: string) => (): never => {
    throw new Error(`The file database has no ${what}: a batch is one transaction`);
  };

  return {
    // Inside an async function, so that what SQLite refuses rejects instead of being thrown at the caller.
    execute: async (statement: InStatement, args?: InArgs) =>
      typeof statement === "string" ? run(statement, args) : runAny(statement),
    batch: async (statements: AnyStatement[]) => batch(statements),
    migrate: async (statements: InStatement[]) => batch(statements),
    transaction: refuse("interactive transactions"),
    executeMultiple: async (sql: string) => void db.exec(sql),
    sync: refuse("replicas"),
    reconnect: refuse("connection to renew"),
    close: () => {
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

interface Result {
  columns?: string[];
  columnTypes?: string[];
  rows?: unknown[];
  rowsAffected?: number;
  lastInsertRowid?: bigint;
}

const resultOf = ({
  columns = [],
  columnTypes = [],
  rows = [],
  rowsAffected = 0,
  lastInsertRowid,
}: Result): ResultSet => {
  const plain = { columns, columnTypes, rowsAffected, lastInsertRowid };
  return { ...plain, rows: rows as ResultSet["rows"], toJSON: () => ({ ...plain, rows }) };
};
