import { and, count, eq, inArray, type SQL, sql } from "drizzle-orm";
import { FINAL_RUN_STATUSES, LIVE_RUN_STATUSES } from "../../shared/states.ts";
import type { Db } from "./db.ts";
import { afterPage, type Page, pageOrder } from "./page.ts";
import { isOneOf, preparedRows } from "./prepared.ts";
import type { RunRow } from "./runs.ts";
import { runs, submissions } from "./schema.ts";
import type { SubmissionRow } from "./submissions.ts";

export interface RunFilter {
  projectIds: string[];
  userId?: string;
  repoId?: string;
  onlyActive: boolean;
}

const matching = (filter: RunFilter): SQL | undefined =>
  and(
    inArray(runs.project_id, filter.projectIds),
    filter.userId === undefined ? undefined : eq(runs.user_id, filter.userId),
    filter.repoId === undefined ? undefined : sql`json_extract(${runs.spec}, '$.repo_id') = ${filter.repoId}`,
    filter.onlyActive ? inArray(runs.status, LIVE_RUN_STATUSES) : undefined,
  );

/** What the list of them needs to know of runs that it has told before. */
export type RunKey = Pick<RunRow, "id" | "status" | "project_id" | "user_id" | "fleet_id">;

/** A page of them; finished and deleted runs too, unless only active ones are asked for. */
export const listRunKeys = (db: Db, filter: RunFilter, page: Page): Promise<RunKey[]> =>
  db
    .select({
      id: runs.id,
      status: runs.status,
      project_id: runs.project_id,
      user_id: runs.user_id,
      fleet_id: runs.fleet_id,
    })
    .from(runs)
    .where(and(matching(filter), afterPage(page, runs.submitted_at, runs.id)))
    .orderBy(...pageOrder(page, runs.submitted_at, runs.id))
    .limit(page.limit);

const submissionsOf = preparedRows(submissions, (db, { runIds }: { runIds: string }) =>
  db
    .select()
    .from(submissions)
    .where(isOneOf(submissions.run_id, runIds))
    .orderBy(submissions.run_id, submissions.replica_num, submissions.job_num, submissions.submission_num),
);

/** The submissions of many runs: of each by replica, job, attempt. */
export const listSubmissionsOfRuns = async (db: Db, runIds: readonly string[]): Promise<SubmissionRow[]> => {
  const known = runIds.map((id) => db.$rows.listSubmissions(id));
  const others = runIds.filter((_, at) => known[at] === undefined);
  const read = others.length === 0 ? [] : await submissionsOf(db, { runIds: JSON.stringify(others) });
  return [...known.flatMap((rows) => rows ?? []), ...read];
};

/** By project, user and status; deleted ones too. */
export const countRuns = (db: Db) =>
  db
    .select({ project_id: runs.project_id, user_id: runs.user_id, status: runs.status, n: count() })
    .from(runs)
    .groupBy(runs.project_id, runs.user_id, runs.status);

/** In any order. */
export const listRunsByIds = async (db: Db, ids: string[]): Promise<RunRow[]> =>
  ids.length === 0 ? [] : db.select().from(runs).where(inArray(runs.id, ids));

export const hasLiveRuns = async (db: Db, projectId: string): Promise<boolean> =>
  ((
    await db
      .select({ n: count() })
      .from(runs)
      .where(and(eq(runs.project_id, projectId), inArray(runs.status, LIVE_RUN_STATUSES)))
  )[0]?.n ?? 0) > 0;

/** Names of the live runs of a fleet. */
export const listLiveRunsOfFleet = (
  db: Db,
  fleetId: string,
): Promise<{ name: string; projectId: string }[]> =>
  db
    .select({ name: runs.name, projectId: runs.project_id })
    .from(runs)
    .where(and(eq(runs.fleet_id, fleetId), inArray(runs.status, LIVE_RUN_STATUSES)));

/** Names in use in a project that begin with `prefix`. */
export const listRunNames = async (db: Db, projectId: string, prefix: string): Promise<string[]> =>
  (
    await db
      .select({ name: runs.name })
      .from(runs)
      .where(
        and(
          eq(runs.project_id, projectId),
          sql`${runs.deleted} = 0`,
          sql`substr(${runs.name}, 1, ${prefix.length}) = ${prefix}`,
        ),
      )
  ).map((row) => row.name);

/** Final runs only: the guard makes a run that has just been started again safe. */
export const markRunsDeleted = (db: Db, ids: string[]) =>
  db
    .update(runs)
    .set({ deleted: true })
    .where(and(inArray(runs.id, ids), inArray(runs.status, FINAL_RUN_STATUSES)))
    .returning({ id: runs.id });
