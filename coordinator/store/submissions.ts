import { and, asc, eq, inArray, isNotNull, isNull, lt, notInArray } from "drizzle-orm";
import { FINAL_JOB_STATUSES, type JobStatus, jobSources } from "../../shared/states.ts";
import type { Db } from "./db.ts";
import { submissions } from "./schema.ts";

export type SubmissionRow = typeof submissions.$inferSelect;
export type NewSubmissionRow = typeof submissions.$inferInsert;

/** What may change together with (or without) a move. */
export type SubmissionPatch = Partial<Omit<NewSubmissionRow, "id" | "run_id" | "status">>;

export const findSubmission = async (db: Db, id: string): Promise<SubmissionRow | undefined> =>
  (await db.select().from(submissions).where(eq(submissions.id, id)))[0];

/** All attempts at all jobs of a run, by replica, job, attempt. */
export const listSubmissions = (db: Db, runId: string): Promise<SubmissionRow[]> =>
  db
    .select()
    .from(submissions)
    .where(eq(submissions.run_id, runId))
    .orderBy(asc(submissions.replica_num), asc(submissions.job_num), asc(submissions.submission_num));

/** What an instance holds or should hold: assigned to it, and not yet free to be forgotten. */
export const listHeldSubmissions = (db: Db, instanceId: string): Promise<SubmissionRow[]> =>
  db
    .select()
    .from(submissions)
    .where(and(eq(submissions.instance_id, instanceId), eq(submissions.log_complete, false)));

/** Every submission that has not ended, for rebuilding what is kept in memory. */
export const listLiveSubmissions = (db: Db): Promise<SubmissionRow[]> =>
  db.select().from(submissions).where(notInArray(submissions.status, FINAL_JOB_STATUSES));

export const insertSubmissions = (db: Db, rows: NewSubmissionRow[]) => db.insert(submissions).values(rows);

export const deleteSubmissions = (db: Db, ids: string[]) =>
  db.delete(submissions).where(inArray(submissions.id, ids));

/** A legal move, or nothing: the guard is the table of moves, so two writers cannot both win. */
export const moveSubmission = (db: Db, id: string, move: { to: JobStatus; patch: SubmissionPatch }) =>
  db
    .update(submissions)
    .set({ ...move.patch, status: move.to })
    .where(and(eq(submissions.id, id), inArray(submissions.status, jobSources(move.to))))
    .returning({ id: submissions.id });

export const patchSubmission = (db: Db, id: string, patch: SubmissionPatch) =>
  db.update(submissions).set(patch).where(eq(submissions.id, id));

/** The agent has named these for the first time: the claim is confirmed. */
export const acknowledgeSubmissions = (db: Db, ids: string[], at: number) =>
  db
    .update(submissions)
    .set({ acknowledged_at: at, wake_at: null })
    .where(
      and(
        inArray(submissions.id, ids),
        isNull(submissions.acknowledged_at),
        isNotNull(submissions.assigned_at),
      ),
    )
    .returning({ id: submissions.id, run_id: submissions.run_id });

/** Those of a run that have not ended belong to its newest deployment from now on. */
export const deployLiveSubmissions = (db: Db, runId: string, deploymentNum: number) =>
  db
    .update(submissions)
    .set({ deployment_num: deploymentNum })
    .where(and(eq(submissions.run_id, runId), notInArray(submissions.status, FINAL_JOB_STATUSES)));

/** Marks a report as seen; answers no row when a report of this or a later sequence was seen before. */
export const claimReport = (db: Db, id: string, sequence: number) =>
  db
    .update(submissions)
    .set({ report_sequence: sequence })
    .where(and(eq(submissions.id, id), lt(submissions.report_sequence, sequence)))
    .returning({ id: submissions.id });
