import { and, eq, inArray, notInArray } from "drizzle-orm";
import { FINAL_RUN_STATUSES, type RunStatus, runSources } from "../../shared/states.ts";
import type { Db } from "./db.ts";
import { runs } from "./schema.ts";

export type RunRow = typeof runs.$inferSelect;
export type NewRunRow = typeof runs.$inferInsert;
export type RunPatch = Partial<Omit<NewRunRow, "id" | "status">>;

export const findRun = async (db: Db, id: string): Promise<RunRow | undefined> =>
  (await db.select().from(runs).where(eq(runs.id, id)))[0];

/** The run that holds the name in its project; deleted ones have given it up. */
export const findRunByName = async (db: Db, projectId: string, name: string): Promise<RunRow | undefined> =>
  (
    await db
      .select()
      .from(runs)
      .where(and(eq(runs.project_id, projectId), eq(runs.name, name), eq(runs.deleted, false)))
  )[0];

export const listLiveRuns = (db: Db): Promise<RunRow[]> =>
  db.select().from(runs).where(notInArray(runs.status, FINAL_RUN_STATUSES));

export const insertRun = (db: Db, row: NewRunRow) => db.insert(runs).values(row);

/** A legal move, or nothing (see moveSubmission). */
export const moveRun = (db: Db, id: string, move: { to: RunStatus; patch: RunPatch }) =>
  db
    .update(runs)
    .set({ ...move.patch, status: move.to })
    .where(and(eq(runs.id, id), inArray(runs.status, runSources(move.to))))
    .returning({ id: runs.id });

export const patchRun = (db: Db, id: string, patch: RunPatch) =>
  db.update(runs).set(patch).where(eq(runs.id, id));
