import type { InValue } from "@libsql/client";
import { Column, getTableColumns, is, Param, Placeholder, type SQL, sql } from "drizzle-orm";
import type { SQLiteTable } from "drizzle-orm/sqlite-core";
import { type Db, type Statement, writeAll } from "./db.ts";
import { parseOnce } from "./parseOnce.ts";
import type { RowChange } from "./rowCache.ts";

type Values = Readonly<Record<string, unknown>>;

/** Writes a query with drizzle. It is called once for each set of names that `values` comes with, to see what it makes. */
type Build<V extends Values> = (db: Db, values: V) => Statement;

interface Prepared {
  sql: string;
  params: ((values: Values) => InValue)[];
}

/**
 * A statement that drizzle has written once, and that gets its values afterwards: writing it costs more than running it
 * (docs/adr/0009-hot-statements.md). What depends on more than the names of the values needs a statement of its own.
 */
const prepare = <V extends Values>(build: Build<V>) => {
  const known = new Map<string, Prepared>();
  return (db: Db, values: V): { sql: string; params: InValue[] } => {
    const names = Object.keys(values).filter((name) => values[name] !== undefined);
    const shape = names.join();
    let prepared = known.get(shape);
    if (!prepared) {
      prepared = compile(build, db, names);
      known.set(shape, prepared);
    }
    return { sql: prepared.sql, params: prepared.params.map((param) => param(values)) };
  };
};

const compile = <V extends Values>(build: Build<V>, db: Db, names: readonly string[]): Prepared => {
  // Whatever its type, a value goes through drizzle as it is: only its place is of interest.
  const places = Object.fromEntries(names.map((name) => [name, sql.placeholder(name)])) as unknown as V;
  const written = build(db, places).toSQL();
  return { sql: written.sql, params: written.params.map(toParam) };
};

const toParam = (param: unknown): ((values: Values) => InValue) => {
  if (is(param, Placeholder)) return (values) => values[param.name] as InValue;
  if (is(param, Param) && is(param.value, Placeholder)) {
    const { encoder, value } = param;
    const { name } = value;
    return (values) => (values[name] === null ? null : (encoder.mapToDriverValue(values[name]) as InValue));
  }
  return () => param as InValue;
};

/** Reads whole rows of a table, in the order of its columns. */
export const preparedRows = <T extends SQLiteTable, V extends Values>(table: T, build: Build<V>) => {
  const bind = prepare(build);
  const columns = Object.entries(getTableColumns(table)).map(([name, column]) => ({
    name,
    decode: decoderOf(column),
  }));
  const rowOf = (cells: readonly unknown[]) => {
    const row: Record<string, unknown> = {};
    for (let at = 0; at < columns.length; at++) {
      const [column, cell] = [columns[at], cells[at] ?? null];
      if (column) row[column.name] = cell === null || !column.decode ? cell : column.decode(cell);
    }
    return row as T["$inferSelect"];
  };
  return async (db: Db, values: V): Promise<T["$inferSelect"][]> => {
    const { sql, params } = bind(db, values);
    const { rows } = await db.$client.execute({ sql, args: params });
    // Rows of a file come as arrays, those of a server as objects that can be read by position too.
    return (rows as unknown as ArrayLike<unknown>[]).map((row) =>
      rowOf(Array.isArray(row) ? row : Array.from(row)),
    );
  };
};

const decoderOf = (column: Column): ((cell: unknown) => unknown) | undefined => {
  if (column.dataType === "json") return (cell) => parseOnce(String(cell));
  if (column.mapFromDriverValue === Column.prototype.mapFromDriverValue) return undefined;
  return (cell) => column.mapFromDriverValue(cell);
};

/** A write that can be one of several in a transaction, or awaited by itself. */
class Write implements Statement, PromiseLike<void> {
  readonly change: RowChange | undefined;
  readonly #db: Db;
  readonly #bound: { sql: string; params: InValue[] };

  constructor(db: Db, bound: { sql: string; params: InValue[] }, change: RowChange | undefined) {
    this.#db = db;
    this.#bound = bound;
    this.change = change;
  }

  toSQL(): { sql: string; params: InValue[] } {
    return this.#bound;
  }

  // biome-ignore lint/suspicious/noThenProperty: as drizzle's own queries, it can be awaited.
  then<A = void, B = never>(
    done?: (() => A | PromiseLike<A>) | null,
    failed?: ((err: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return writeAll(this.#db, [this]).then(done, failed);
  }
}

/** `changeOf`: of a write to runs or submissions, what it does to the row (rowCache.ts). */
export const preparedWrite = <V extends Values>(build: Build<V>, changeOf?: (values: V) => RowChange) => {
  const bind = prepare(build);
  return (db: Db, values: V): Write => new Write(db, bind(db, values), changeOf?.(values));
};

/** A statement for each status, where the status decides more than a value. */
export const byStatus = <S extends string, W>(
  statuses: readonly S[],
  make: (status: S) => W,
): Readonly<Record<S, W>> =>
  Object.fromEntries(statuses.map((status) => [status, make(status)])) as Record<S, W>;

/** Is it one of a JSON array of strings? However many they are, the statement is the same. */
export const isOneOf = (column: Column, json: string): SQL =>
  sql`${column} IN (SELECT value FROM json_each(${json}))`;
