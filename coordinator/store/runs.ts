import { and, eq, inArray, sql } from "drizzle-orm";
import { LIVE_RUN_STATUSES, RUN_STATUSES, type RunStatus, runSources } from "../../shared/states.ts";
import type { Db } from "./db.ts";
import { byStatus, preparedRows, preparedWrite } from "./prepared.ts";
import type { RowChange } from "./rowCache.ts";
import { runs } from "./schema.ts";
import { wholeRows } from "./wholeRow.ts";

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

const changed = (
  { id, ...patch }: { id: string } & Partial<RunRow>,
  guard?: (row: RunRow) => boolean,
): RowChange => ({ table: "runs", kind: "changed", id, patch, ...(guard ? { guard } : {}) });

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

const whole = wholeRows(runs);

const insert = preparedWrite(
  (db, row: RunRow) => db.insert(runs).values(row),
  (row): RowChange => ({ table: "runs", kind: "added", row }),
  { names: "all" },
);

export const insertRun = (db: Db, row: NewRunRow) => insert(db, whole(row));

const movesTo = byStatus(RUN_STATUSES, (to) =>
  preparedWrite(
    (db, { id, ...patch }: { id: string; status: RunStatus } & RunPatch) =>
      db
        .update(runs)
        .set(patch)
        .where(and(eq(runs.id, id), inArray(runs.status, runSources(to)))),
    (move) => changed(move, ({ status }) => runSources(to).includes(status)),
  ),
);

/** A legal move, or nothing (see moveSubmission). */
export const moveRun = (db: Db, id: string, { to, patch }: { to: RunStatus; patch: RunPatch }) =>
  movesTo[to](db, { ...patch, id, status: to });

const patchById = preparedWrite(
  (db, { id, ...patch }: { id: string } & RunPatch) => db.update(runs).set(patch).where(eq(runs.id, id)),
  (patch) => changed(patch),
);

export const patchRun = (db: Db, id: string, patch: RunPatch) => patchById(db, { ...patch, id });

const rewrite = preparedWrite(
  (db, { id, from, ...patch }: { id: string; from: RunStatus } & Partial<RunRow>) =>
    db
      .update(runs)
      .set(patch)
      .where(and(eq(runs.id, id), eq(runs.status, from))),
  ({ from, ...patch }) => changed(patch),
);

/** What several moves and patches of a row come to, one after another; nothing where it has moved meanwhile. */
export const rewriteRun = (db: Db, { id, status }: RunRow, patch: Partial<RunRow>) =>
  rewrite(db, { ...patch, id, from: status });

/** A user's key for SSH that is in specs of runs which are not over is another one from now on. */
export const replaceRunKeys = (db: Db, userId: string, { from, to }: { from: string; to: string }) =>
  db
    .update(runs)
    .set({ spec: sql`json_set(${runs.spec}, '$.ssh_key_pub', ${to})` })
    .where(
      and(
        eq(runs.user_id, userId),
        inArray(runs.status, LIVE_RUN_STATUSES),
        sql`json_extract(${runs.spec}, '$.ssh_key_pub') = ${from}`,
      ),
    );
