import { and, eq, inArray } from "drizzle-orm";
import { type Db, type Statement, writeAll } from "./db.ts";
import { publicKeys } from "./schema.ts";
import { unlessTaken } from "./uniqueness.ts";

export type PublicKeyRow = typeof publicKeys.$inferSelect;

/** `also` is part of the same transaction. */
export const insertPublicKey = (db: Db, row: PublicKeyRow, also: readonly Statement[]): Promise<unknown> =>
  unlessTaken(
    `The key ${row.fingerprint} is there already`,
    writeAll(db, [db.insert(publicKeys).values(row), ...also]),
  );

export const listPublicKeys = (db: Db, userId: string): Promise<PublicKeyRow[]> =>
  db
    .select()
    .from(publicKeys)
    .where(eq(publicKeys.user_id, userId))
    .orderBy(publicKeys.added_at, publicKeys.id);

/** Only the user's own. */
export const deletePublicKeys = (db: Db, userId: string, ids: string[]) =>
  db.delete(publicKeys).where(and(eq(publicKeys.user_id, userId), inArray(publicKeys.id, ids)));
