import { and, eq, inArray, sql } from "drizzle-orm";
import { LIVE_RUN_STATUSES, RUN_STATUSES, type RunStatus, runSources } from "../../shared/states.ts";
import type { Db } from "./db.ts";
import { byStatus, preparedRows, preparedWrite } from "./prepared.ts";
import type { RowChange } from "./rowCache.ts";
import { runs } from "./schema.ts";

export type RunRow = typeof runs.$inferSelect;
export type NewRunRow = typeof runs.$inferInsert;
export type RunPatch = Partial<Omit<RunRow, "id" | "status">>;

// A literal, not a parameter: only then does SQLite use the partial index.
const ALIVE = sql`${runs.deleted} = 0`;

const readById = preparedRows(runs, (db, { id }: { id: string }) =>
  db.select().from(runs).where(eq(runs.id, id)),
);

export const findRun = async (db: Db, id: string): Promise<RunRow | undefined> => {
  const known = db.$rows.findRun(id);
  if (known) return known;
  const begun = db.$rows.now;
  const [row] = await readById(db, { id });
  if (row) db.$rows.keepRun(row, begun);
  return row;
};

const changed = ({ id, ...patch }: { id: string } & Partial<RunRow>): RowChange => ({
  table: "runs",
  id,
  patch,
});

const byName = preparedRows(runs, (db, { projectId, name }: { projectId: string; name: string }) =>
  db
    .select()
    .from(runs)
    .where(and(eq(runs.project_id, projectId), eq(runs.name, name), ALIVE)),
);

/** The run that holds the name in its project; deleted ones have given it up. */
export const findRunByName = async (db: Db, projectId: string, name: string): Promise<RunRow | undefined> =>
  (await byName(db, { projectId, name }))[0];

export const listLiveRuns = (db: Db): Promise<RunRow[]> =>
  db.select().from(runs).where(inArray(runs.status, LIVE_RUN_STATUSES));

const insert = preparedWrite(
  (db, row: NewRunRow) => db.insert(runs).values(row),
  ({ id }): RowChange => ({ table: "runs", id, patch: {} }),
);

export const insertRun = (db: Db, row: NewRunRow) => insert(db, row);

const movesTo = byStatus(RUN_STATUSES, (to) =>
  preparedWrite(
    (db, { id, ...patch }: { id: string; status: RunStatus } & RunPatch) =>
      db
        .update(runs)
        .set(patch)
        .where(and(eq(runs.id, id), inArray(runs.status, runSources(to)))),
    changed,
  ),
);

/** A legal move, or nothing (see moveSubmission). */
export const moveRun = (db: Db, id: string, { to, patch }: { to: RunStatus; patch: RunPatch }) =>
  movesTo[to](db, { ...patch, id, status: to });

const patchById = preparedWrite(
  (db, { id, ...patch }: { id: string } & RunPatch) => db.update(runs).set(patch).where(eq(runs.id, id)),
  changed,
);

export const patchRun = (db: Db, id: string, patch: RunPatch) => patchById(db, { ...patch, id });
