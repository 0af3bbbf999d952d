import { and, asc, desc, eq, gt, lt, or, type SQL } from "drizzle-orm";
import type { SQLiteColumn } from "drizzle-orm/sqlite-core";

/** Where the last page ended: the sort value of its last row and, unless ties do not matter, its id. */
export interface Page {
  prevTime: number | null;
  prevId: string | null;
  ascending: boolean;
  limit: number;
}

/** The rows behind `page`, in order of time, ties by id against the direction (docs/spec/http-api.md §1.7). */
export const afterPage = (page: Page, time: SQLiteColumn, id: SQLiteColumn): SQL | undefined => {
  if (page.prevTime === null) return undefined;
  const behind = page.ascending ? gt(time, page.prevTime) : lt(time, page.prevTime);
  if (page.prevId === null) return behind;
  const tie = page.ascending ? lt(id, page.prevId) : gt(id, page.prevId);
  return or(behind, and(eq(time, page.prevTime), tie));
};

export const pageOrder = (page: Page, time: SQLiteColumn, id: SQLiteColumn): SQL[] =>
  page.ascending ? [asc(time), desc(id)] : [desc(time), asc(id)];
