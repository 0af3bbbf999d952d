import type { InValue } from "@libsql/client";
import { Column, getTableColumns, getTableName, is, Param, Placeholder, type SQL, sql } from "drizzle-orm";
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

/** Whether `values` comes with more names at one time than at another, or always with all. */
interface Names {
  names: "given" | "all";
}

/**
 * A statement that drizzle has written once, and that gets its values afterwards: writing it costs more than running it
 * (docs/adr/0009-hot-statements.md). What depends on more than the names of the values needs a statement of its own.
 */
const prepare = <V extends Values>(build: Build<V>, { names: which }: Names = { names: "given" }) => {
  const known = new Map<string, Prepared>();
  return (db: Db, values: V): { sql: string; params: InValue[] } => {
    let shape = "";
    if (which === "given") for (const name in values) if (values[name] !== undefined) shape += `${name},`;
    let prepared = known.get(shape);
    if (!prepared) {
      const names = Object.keys(values).filter((name) => values[name] !== undefined);
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

/** As `preparedRows`, of a table that is small and seldom written: the answer is remembered (readMemo.ts). */
export const memoisedRows = <T extends SQLiteTable, V extends Record<string, string>>(
  table: T,
  build: Build<V>,
) => {
  const read = preparedRows(table, build);
  const name = getTableName(table);
  const own = `${memoised++} `;
  return async (db: Db, values: V): Promise<T["$inferSelect"][]> => {
    const key = own + JSON.stringify(values);
    const known = db.$memo.find(name, key);
    if (known) return known as T["$inferSelect"][];
    const version = db.$memo.version(name);
    const rows = await read(db, values);
    // Whoever asks for what is not there may ask for anything.
    if (rows.length > 0) db.$memo.keep(name, { key, rows, version });
    return rows;
  };
};
let memoised = 0;

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

/** A write that can be one of several in a transaction, or awaited by itself; it gets its values when it is written. */
class Write implements Statement, PromiseLike<void> {
  readonly change: RowChange | undefined;
  readonly #db: Db;
  readonly #bind: () => { sql: string; params: InValue[] };

  constructor(db: Db, bind: () => { sql: string; params: InValue[] }, change: RowChange | undefined) {
    this.#db = db;
    this.#bind = bind;
    this.change = change;
  }

  toSQL(): { sql: string; params: InValue[] } {
    return this.#bind();
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
export const preparedWrite = <V extends Values>(
  build: Build<V>,
  changeOf?: (values: V) => RowChange,
  names?: Names,
) => {
  const bind = prepare(build, names);
  return (db: Db, values: V): Write => new Write(db, () => bind(db, values), changeOf?.(values));
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
