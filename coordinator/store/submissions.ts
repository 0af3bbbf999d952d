import { and, asc, desc, eq, inArray, isNotNull, isNull, lt, ne } from "drizzle-orm";
import {
  FINAL_JOB_STATUSES,
  JOB_STATUSES,
  type JobStatus,
  jobSources,
  LIVE_JOB_STATUSES,
} from "../../shared/states.ts";
import type { Db, Statement } from "./db.ts";
import { byStatus, isOneOf, preparedRows, preparedWrite } from "./prepared.ts";
import type { RowChange } from "./rowCache.ts";
import { instances, runs, submissions } from "./schema.ts";
import { wholeRows } from "./wholeRow.ts";

export type SubmissionRow = typeof submissions.$inferSelect;
export type NewSubmissionRow = typeof submissions.$inferInsert;

/** What may change together with (or without) a move. */
export type SubmissionPatch = Partial<Omit<SubmissionRow, "id" | "run_id" | "status">>;

const readById = preparedRows(submissions, (db, { id }: { id: string }) =>
  db.select().from(submissions).where(eq(submissions.id, id)),
);

export const findSubmission = async (db: Db, id: string): Promise<SubmissionRow | undefined> =>
  db.$rows.findSubmission(id) ?? (await readById(db, { id }))[0];

/** The newest attempt at one job of a run. */
export const findLatestSubmission = async (
  db: Db,
  runId: string,
  job: { replica_num: number; job_num: number },
): Promise<SubmissionRow | undefined> =>
  (
    await db
      .select()
      .from(submissions)
      .where(
        and(
          eq(submissions.run_id, runId),
          eq(submissions.replica_num, job.replica_num),
          eq(submissions.job_num, job.job_num),
        ),
      )
      .orderBy(desc(submissions.submission_num))
      .limit(1)
  )[0];

const readByIds = preparedRows(submissions, (db, { ids }: { ids: string }) =>
  db.select().from(submissions).where(isOneOf(submissions.id, ids)),
);

/** So many are read faster one by one than by a list. */
const FEW = 3;

/** Those of them that there are, in any order. */
export const listSubmissionsByIds = async (db: Db, ids: readonly string[]): Promise<SubmissionRow[]> => {
  const known = ids.map((id) => db.$rows.findSubmission(id));
  const others = ids.filter((_, at) => known[at] === undefined);
  const read =
    others.length <= FEW
      ? (await Promise.all(others.map((id) => readById(db, { id })))).flat()
      : await readByIds(db, { ids: JSON.stringify(others) });
  return [...known.filter((row) => row !== undefined), ...read];
};

const readOfRun = preparedRows(submissions, (db, { runId }: { runId: string }) =>
  db
    .select()
    .from(submissions)
    .where(eq(submissions.run_id, runId))
    .orderBy(asc(submissions.replica_num), asc(submissions.job_num), asc(submissions.submission_num)),
);

/** All attempts at all jobs of a run, by replica, job, attempt. */
export const listSubmissions = async (db: Db, runId: string): Promise<SubmissionRow[]> => {
  const known = db.$rows.listSubmissions(runId);
  if (known) return known;
  const begun = db.$rows.now;
  const rows = await readOfRun(db, { runId });
  db.$rows.keepSubmissions(runId, rows, begun);
  return rows;
};

const changed = (
  { id, ...patch }: { id: string } & Partial<SubmissionRow>,
  guard?: (row: SubmissionRow) => boolean,
): RowChange => ({ table: "submissions", kind: "changed", id, patch, ...(guard ? { guard } : {}) });

const heldBy = preparedRows(submissions, (db, { instanceId }: { instanceId: string }) =>
  db
    .select()
    .from(submissions)
    .where(and(eq(submissions.instance_id, instanceId), eq(submissions.log_complete, false))),
);

/** What an instance holds or should hold: assigned to it, and not yet free to be forgotten. */
export const listHeldSubmissions = async (db: Db, instanceId: string): Promise<SubmissionRow[]> => {
  const { held } = db.$rows;
  const known = held.find(instanceId);
  if (known) return listSubmissionsByIds(db, [...known]);
  const { version } = held;
  const rows = await heldBy(db, { instanceId });
  held.keep(
    instanceId,
    rows.map(({ id }) => id),
    version,
  );
  return rows;
};

/** Of these instances those that hold output of jobs that are over, and which is not here yet. */
export const listInstancesWithOutput = async (db: Db, instanceIds: readonly string[]): Promise<string[]> => {
  if (instanceIds.length === 0) return [];
  const rows = await db
    .selectDistinct({ id: submissions.instance_id })
    .from(submissions)
    .where(
      and(
        inArray(submissions.instance_id, [...instanceIds]),
        eq(submissions.log_complete, false),
        inArray(submissions.status, FINAL_JOB_STATUSES),
      ),
    );
  return rows.flatMap(({ id }) => id ?? []);
};

/** Every submission that has not ended, for rebuilding what is kept in memory. */
export const listLiveSubmissions = (db: Db): Promise<SubmissionRow[]> =>
  db.select().from(submissions).where(inArray(submissions.status, LIVE_JOB_STATUSES));

/** Runs with a live attempt on an instance of another project. */
export const listRunsOnForeignHosts = async (db: Db): Promise<string[]> =>
  (
    await db
      .selectDistinct({ id: runs.id })
      .from(submissions)
      .innerJoin(runs, eq(runs.id, submissions.run_id))
      .innerJoin(instances, eq(instances.id, submissions.instance_id))
      .where(and(inArray(submissions.status, LIVE_JOB_STATUSES), ne(instances.project_id, runs.project_id)))
  ).map(({ id }) => id);

const whole = wholeRows(submissions);

const insert = preparedWrite(
  (db, row: SubmissionRow) => db.insert(submissions).values(row),
  (row): RowChange => ({ table: "submissions", kind: "added", row }),
  { names: "all" },
);

export const insertSubmissions = (db: Db, rows: readonly NewSubmissionRow[]) =>
  rows.map((row) => insert(db, whole(row)));

const remove = preparedWrite(
  (db, { id }: { id: string }) => db.delete(submissions).where(eq(submissions.id, id)),
  ({ id }): RowChange => ({ table: "submissions", kind: "removed", id }),
);

export const deleteSubmissions = (db: Db, ids: readonly string[]) => ids.map((id) => remove(db, { id }));

const movesTo = byStatus(JOB_STATUSES, (to) =>
  preparedWrite(
    (db, { id, ...patch }: { id: string; status: JobStatus } & SubmissionPatch) =>
      db
        .update(submissions)
        .set(patch)
        .where(and(eq(submissions.id, id), inArray(submissions.status, jobSources(to)))),
    (move) => changed(move, ({ status }) => jobSources(to).includes(status)),
  ),
);

/** A legal move, or nothing: the guard is the table of moves, so two writers cannot both win. */
export const moveSubmission = (
  db: Db,
  id: string,
  { to, patch }: { to: JobStatus; patch: SubmissionPatch },
) => movesTo[to](db, { ...patch, id, status: to });

const patchById = preparedWrite(
  (db, { id, ...patch }: { id: string } & SubmissionPatch) =>
    db.update(submissions).set(patch).where(eq(submissions.id, id)),
  (patch) => changed(patch),
);

export const patchSubmission = (db: Db, id: string, patch: SubmissionPatch) =>
  patchById(db, { ...patch, id });

const acknowledge = preparedWrite(
  (db, { id, at }: { id: string; at: number }) =>
    db
      .update(submissions)
      .set({ acknowledged_at: at })
      .where(
        and(eq(submissions.id, id), isNull(submissions.acknowledged_at), isNotNull(submissions.assigned_at)),
      ),
  ({ id, at }) =>
    changed({ id, acknowledged_at: at }, (row) => row.acknowledged_at === null && row.assigned_at !== null),
);

/** The agent of an instance has named these: the claims that were not confirmed yet are confirmed. */
export const acknowledgeSubmissions = async (
  db: Db,
  ids: readonly string[],
  { instanceId, at }: { instanceId: string; at: number },
): Promise<Statement[]> => {
  // A confirmation is never taken back, and one too many changes nothing.
  const isKnown = (id: string) => (db.$rows.peekSubmission(id)?.acknowledged_at ?? null) !== null;
  const rows = await listSubmissionsByIds(
    db,
    ids.filter((id) => !isKnown(id)),
  );
  return rows
    .filter((row) => row.instance_id === instanceId && row.acknowledged_at === null)
    .map(({ id }) => acknowledge(db, { id, at }));
};

/** Those of a run that have not ended belong to its newest deployment from now on. */
export const deployLiveSubmissions = (db: Db, runId: string, deploymentNum: number) =>
  db
    .update(submissions)
    .set({ deployment_num: deploymentNum })
    .where(and(eq(submissions.run_id, runId), inArray(submissions.status, LIVE_JOB_STATUSES)));

const claim = preparedWrite(
  (db, { id, sequence }: { id: string; sequence: number }) =>
    db
      .update(submissions)
      .set({ report_sequence: sequence })
      .where(and(eq(submissions.id, id), lt(submissions.report_sequence, sequence))),
  ({ id, sequence }) => changed({ id, report_sequence: sequence }, (row) => row.report_sequence < sequence),
);

/** Marks a report as seen; changes nothing when a report of this or a later sequence was seen before. */
export const claimReport = (db: Db, id: string, sequence: number) => claim(db, { id, sequence });

const rewrite = preparedWrite(
  (db, { id, from, ...patch }: { id: string; from: JobStatus } & Partial<SubmissionRow>) =>
    db
      .update(submissions)
      .set(patch)
      .where(and(eq(submissions.id, id), eq(submissions.status, from))),
  ({ from, ...patch }) => changed(patch),
);

/** What several moves and patches of a row come to, one after another; nothing where it has moved meanwhile. */
export const rewriteSubmission = (db: Db, { id, status }: SubmissionRow, patch: Partial<SubmissionRow>) =>
  rewrite(db, { ...patch, id, from: status });
