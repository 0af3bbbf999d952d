import { and, eq } from "drizzle-orm";
import type { Db } from "./db.ts";
import { repos } from "./schema.ts";

export type RepoRow = typeof repos.$inferSelect;

/** Makes it known, or changes what is known of it. */
export const upsertRepo = (db: Db, row: typeof repos.$inferInsert): Promise<unknown> =>
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
