import { getTableColumns } from "drizzle-orm";
import type { SQLiteTable } from "drizzle-orm/sqlite-core";

/** The row as it will be stored: what is left out is the default of its column, or null. */
export const wholeRow = <T extends SQLiteTable>(table: T, values: T["$inferInsert"]): T["$inferSelect"] => {
  const given: Readonly<Record<string, unknown>> = values;
  const entries = Object.entries(getTableColumns(table)).map(([name, column]) => [
    name,
    given[name] ?? column.default ?? null,
  ]);
  return Object.fromEntries(entries) as T["$inferSelect"];
};
