import { and, eq, inArray } from "drizzle-orm";
import type { Db } from "./db.ts";
import { fileArchives } from "./schema.ts";

export type FileArchiveRow = typeof fileArchives.$inferSelect;

/** Returns the one that is kept: of the same user and hash there is only one. */
export const insertFileArchive = async (
  db: Db,
  row: typeof fileArchives.$inferInsert,
): Promise<FileArchiveRow | undefined> => {
  await db.insert(fileArchives).values(row).onConflictDoNothing();
  return findFileArchive(db, row.user_id, row.hash);
};

export const findFileArchive = async (
  db: Db,
  userId: string,
  hash: string,
): Promise<FileArchiveRow | undefined> =>
  (
    await db
      .select()
      .from(fileArchives)
      .where(and(eq(fileArchives.user_id, userId), eq(fileArchives.hash, hash)))
  )[0];

export const listFileArchivesByIds = (db: Db, ids: string[]): Promise<FileArchiveRow[]> =>
  ids.length === 0
    ? Promise.resolve([])
    : db.select().from(fileArchives).where(inArray(fileArchives.id, ids));
