import { type SQL, sql } from "drizzle-orm";
import type { SQLiteColumn } from "drizzle-orm/sqlite-core";

/** Whatever the case. */
export const nameContains = (column: SQLiteColumn, part: string): SQL =>
  sql`instr(lower(${column}), ${part.toLowerCase()}) > 0`;

/** Whatever the case; the index is on the same expression. */
export const nameIs = (column: SQLiteColumn, name: string): SQL =>
  sql`lower(${sql.identifier(column.name)}) = ${name.toLowerCase()}`;
