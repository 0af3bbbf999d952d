import type { Client, InStatement } from "@libsql/client";
import type { ReadMemo } from "./readMemo.ts";
import type { RowCache } from "./rowCache.ts";
import type { Writes } from "./writes.ts";

type AnyStatement = InStatement | [string, ...unknown[]];

const WRITE = /^\s*(?:insert(?: or \w+)? into|replace into|update|delete from)\s+"?(\w+)/i;
const MOST_KNOWN = 1_000;

interface Watchers {
  rows: RowCache;
  memo: ReadMemo;
  writes: Writes;
}

/**
 * What is remembered of the tables is forgotten at every write to them, and the write is told: of runs and their attempts
 * only where it does not say what it does to which row (rowCache.ts).
 */
export const watchWrites = (client: Client, { rows, memo, writes }: Watchers): Client => {
  const known = new Map<string, string | undefined>();
  const tableOf = (statement: AnyStatement): string | undefined => {
    const sql = typeof statement === "string" ? statement : "sql" in statement ? statement.sql : statement[0];
    if (known.has(sql)) return known.get(sql);
    if (known.size >= MOST_KNOWN) known.clear();
    const table = WRITE.exec(sql)?.[1]?.toLowerCase();
    const isTold = (table === "runs" || table === "submissions") && rows.isTold(sql);
    const written = isTold ? undefined : table;
    known.set(sql, written);
    return written;
  };
  const forget = (tables: ReadonlySet<string>): void => {
    if (tables.has("runs") || tables.has("submissions")) rows.clear();
    for (const table of tables) memo.forget(table);
  };
  const around = async <T>(statements: readonly AnyStatement[], work: () => Promise<T>): Promise<T> => {
    const tables = new Set(statements.map(tableOf).filter((table) => table !== undefined));
    if (tables.size === 0) return work();
    forget(tables);
    try {
      return await work();
    } finally {
      forget(tables);
      for (const table of tables) writes.tell({ table });
    }
  };
  const [execute, batch] = [client.execute.bind(client), client.batch.bind(client)];
  return Object.assign(client, {
    execute: (...args: Parameters<Client["execute"]>) => around([args[0]], () => execute(...args)),
    batch: (...args: Parameters<Client["batch"]>) => around(args[0], () => batch(...args)),
  });
};
