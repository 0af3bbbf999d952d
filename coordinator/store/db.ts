import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { type Client, createClient, type InValue } from "@libsql/client";
import { drizzle, type LibSQLDatabase } from "drizzle-orm/libsql";
import { delay } from "../../shared/async/delay.ts";
import { AppError, messageOf } from "../../shared/errors.ts";
import { openFileClient, type Soon } from "./fileClient.ts";
import { migrate } from "./migrate.ts";
import { ReadMemo } from "./readMemo.ts";
import { RowCache, type RowChange } from "./rowCache.ts";
import * as schema from "./schema.ts";
import { watchWrites } from "./watchWrites.ts";
import { Writes } from "./writes.ts";

export type Db = LibSQLDatabase<typeof schema> & {
  $client: Client;
  $rows: RowCache;
  $memo: ReadMemo;
  $writes: Writes;
};

/** One statement of a transaction: a drizzle query that has not been awaited, or one that was prepared (prepared.ts). */
export interface Statement {
  toSQL(): { sql: string; params: unknown[] };
  /** What it does to a row that may be remembered. */
  change?: RowChange | undefined;
}

export interface Store extends AsyncDisposable {
  db: Db;
}

export interface StoreOptions {
  /** `file:/path/to/coordinator.db`, or `http(s)://` / `libsql://` of a libSQL server. */
  url: string;
  authToken?: string;
  /** When batches that came close together are committed (fileClient.ts). */
  soon?: Soon;
}

/**
 * Opens the database and brings its schema up to date. A file is used by this process alone: WAL, and
 * `synchronous = NORMAL`, which survives any crash of the process and loses at most the last moments of a
 * power cut without ever corrupting the file.
 */
export const openStore = async (options: StoreOptions): Promise<Store> => {
  const [rows, memo, writes] = [new RowCache(), new ReadMemo(), new Writes()];
  const client = watchWrites(openClient(options), { rows, memo, writes });
  try {
    if (client.protocol === "file") await prepareFile(client);
    const db = Object.assign(drizzle(client, { schema }), { $rows: rows, $memo: memo, $writes: writes });
    await migrate(client);
    return { db, [Symbol.asyncDispose]: async () => client.close() };
  } catch (cause) {
    client.close();
    throw new AppError("unavailable", `Cannot open the database ${options.url}: ${messageOf(cause)}`, {
      cause,
      hint: "Check that the file is not damaged, that its folder is writable and that there is space left",
    });
  }
};

const LOCKED_TRIES = 100;
const LOCKED_PAUSE_MS = 50;

/** Whoever has just closed the file may still be writing its log back, and then not even its mode can be asked for. */
const prepareFile = async (client: Client): Promise<void> => {
  for (let left = LOCKED_TRIES; ; left--) {
    try {
      await client.execute("PRAGMA busy_timeout = 5000");
      await client.execute("PRAGMA journal_mode = WAL");
      await client.execute("PRAGMA synchronous = NORMAL");
      return;
    } catch (err) {
      const isLocked = err instanceof Error && "code" in err && err.code === "SQLITE_BUSY";
      if (!isLocked || left === 0) throw err;
      await delay(LOCKED_PAUSE_MS);
    }
  }
};

const openClient = ({ url, authToken, soon }: StoreOptions): Client => {
  try {
    if (!url.startsWith("file:")) return createClient(authToken === undefined ? { url } : { url, authToken });
    const path = url.slice("file:".length);
    mkdirSync(dirname(path), { recursive: true });
    return openFileClient(path, soon);
  } catch (cause) {
    throw new AppError("unavailable", `Cannot open the database ${url}: ${messageOf(cause)}`, { cause });
  }
};

/** Runs the statements in one transaction, in order: all of them take effect, or none. One round trip. */
export const writeAll = async (db: Db, statements: Statement[]): Promise<void> => {
  if (statements.length === 0) return;
  const written = statements.map((statement) => {
    const { sql, params } = statement.toSQL();
    return { sql, args: params as InValue[] };
  });
  const ends = statements.map(({ change }, at) => change && db.$rows.begin(written[at]?.sql ?? "", change));
  try {
    const results = await db.$client.batch(written, "write");
    for (const [at, end] of ends.entries()) end?.(results[at]?.rowsAffected ? "changed" : "unchanged");
  } catch (err) {
    for (const end of ends) end?.("unknown");
    throw err;
  } finally {
    for (const { change } of statements)
      if (change) db.$writes.tell({ table: change.table, id: idOf(change) });
  }
};

const idOf = (change: RowChange): string => (change.kind === "added" ? change.row.id : change.id);
