import { eq, inArray, sql } from "drizzle-orm";
import { LIVE_RUN_STATUSES } from "../../shared/states.ts";
import { type Db, writeAll } from "./db.ts";
import { fileArchives, repoCode, runs } from "./schema.ts";

/** Hashes of what runs that are not over may still need on a host. */
export const listNeededBlobs = async (db: Db): Promise<Set<string>> => {
  const isLive = inArray(runs.status, LIVE_RUN_STATUSES);
  const archives = await db
    .select({ hash: fileArchives.hash })
    .from(sql`${runs}, json_each(${runs.spec}, '$.file_archives') a`)
    .innerJoin(fileArchives, sql`${fileArchives.id} = a.value ->> 'id'`)
    .where(isLive);
  const code = await db
    .select({ hash: sql<string | null>`${runs.spec} ->> 'repo_code_hash'` })
    .from(runs)
    .where(isLive);
  return new Set([...archives, ...code].flatMap(({ hash }) => hash ?? []));
};

/** Forgets that anybody has uploaded these bytes. */
export const forgetBlob = (db: Db, hash: string): Promise<void> =>
  writeAll(db, [
    db.delete(fileArchives).where(eq(fileArchives.hash, hash)),
    db.delete(repoCode).where(eq(repoCode.hash, hash)),
  ]);
