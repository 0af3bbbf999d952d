import { and, eq, inArray } from "drizzle-orm";
import type { Db } from "./db.ts";
import { repoCode, repoCreds, repos } from "./schema.ts";

export type RepoRow = typeof repos.$inferSelect;

/** Makes it known, or changes what is known of it. */
export const upsertRepo = (db: Db, row: typeof repos.$inferInsert) =>
  db
    .insert(repos)
    .values(row)
    .onConflictDoUpdate({ target: [repos.project_id, repos.repo_id], set: { info: row.info } });

export const findRepo = async (db: Db, projectId: string, repoId: string): Promise<RepoRow | undefined> =>
  (
    await db
      .select()
      .from(repos)
      .where(and(eq(repos.project_id, projectId), eq(repos.repo_id, repoId)))
  )[0];

export const listRepos = (db: Db, projectId: string): Promise<RepoRow[]> =>
  db.select().from(repos).where(eq(repos.project_id, projectId)).orderBy(repos.repo_id);

export const deleteRepos = (db: Db, projectId: string, repoIds: string[]) => [
  db.delete(repoCreds).where(and(eq(repoCreds.project_id, projectId), inArray(repoCreds.repo_id, repoIds))),
  db.delete(repoCode).where(and(eq(repoCode.project_id, projectId), inArray(repoCode.repo_id, repoIds))),
  db.delete(repos).where(and(eq(repos.project_id, projectId), inArray(repos.repo_id, repoIds))),
];

/** Of which repository and for whom. */
export interface CredsKey {
  projectId: string;
  repoId: string;
  userId: string;
}

const hasKey = ({ projectId, repoId, userId }: CredsKey) =>
  and(eq(repoCreds.project_id, projectId), eq(repoCreds.repo_id, repoId), eq(repoCreds.user_id, userId));

export const findRepoCreds = async (db: Db, key: CredsKey): Promise<string | undefined> =>
  (await db.select({ sealed: repoCreds.creds_sealed }).from(repoCreds).where(hasKey(key)))[0]?.sealed;

export const setRepoCreds = (db: Db, key: CredsKey, sealed: string) =>
  db
    .insert(repoCreds)
    .values({ project_id: key.projectId, repo_id: key.repoId, user_id: key.userId, creds_sealed: sealed })
    .onConflictDoUpdate({
      target: [repoCreds.project_id, repoCreds.repo_id, repoCreds.user_id],
      set: { creds_sealed: sealed },
    });

export const deleteRepoCreds = (db: Db, key: CredsKey) => db.delete(repoCreds).where(hasKey(key));

export const insertRepoCode = (db: Db, row: typeof repoCode.$inferInsert) =>
  db.insert(repoCode).values(row).onConflictDoNothing();

export const hasRepoCode = async (db: Db, row: typeof repoCode.$inferInsert): Promise<boolean> => {
  const { project_id, repo_id, hash } = row;
  const found = await db
    .select({ hash: repoCode.hash })
    .from(repoCode)
    .where(and(eq(repoCode.project_id, project_id), eq(repoCode.repo_id, repo_id), eq(repoCode.hash, hash)));
  return found.length > 0;
};
