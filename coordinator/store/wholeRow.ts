import { getTableColumns } from "drizzle-orm";
import type { SQLiteTable } from "drizzle-orm/sqlite-core";

/** Makes rows as they will be stored: what is left out is the default of its column, or null. */
export const wholeRows = <T extends SQLiteTable>(table: T) => {
  const defaults = Object.entries(getTableColumns(table)).map(
    ([name, column]) => [name, column.default ?? null] as const,
  );
  return (values: T["$inferInsert"]): T["$inferSelect"] => {
    const given: Readonly<Record<string, unknown>> = values;
    const row: Record<string, unknown> = {};
    for (const [name, otherwise] of defaults) row[name] = given[name] ?? otherwise;
    return row as T["$inferSelect"];
  };
};
