import { and, eq, gt, isNotNull, sql } from "drizzle-orm";
import type { Db } from "./db.ts";
import { joinTokens } from "./joinTokensTable.ts";

export type JoinTokenRow = typeof joinTokens.$inferSelect;

export const findJoinToken = async (db: Db, hash: string): Promise<JoinTokenRow | undefined> =>
  (await db.select().from(joinTokens).where(eq(joinTokens.token_hash, hash)))[0];

export const listJoinTokens = (db: Db, projectId: string): Promise<JoinTokenRow[]> =>
  db.select().from(joinTokens).where(eq(joinTokens.project_id, projectId));

export const insertJoinToken = (db: Db, row: typeof joinTokens.$inferInsert) =>
  db.insert(joinTokens).values(row);

/** One use less, where uses are counted. */
export const countJoinTokenUse = (db: Db, id: string) =>
  db
    .update(joinTokens)
    .set({ uses_left: sql`${joinTokens.uses_left} - 1` })
    .where(and(eq(joinTokens.id, id), isNotNull(joinTokens.uses_left), gt(joinTokens.uses_left, 0)));

export const revokeJoinToken = (db: Db, projectId: string, id: string) =>
  db
    .update(joinTokens)
    .set({ revoked: true })
    .where(and(eq(joinTokens.id, id), eq(joinTokens.project_id, projectId)))
    .returning({ id: joinTokens.id });

export const revokeJoinTokensOfFleet = (db: Db, fleetId: string) =>
  db.update(joinTokens).set({ revoked: true }).where(eq(joinTokens.fleet_id, fleetId));

export const revokeJoinTokensOfInstance = (db: Db, instanceId: string) =>
  db.update(joinTokens).set({ revoked: true }).where(eq(joinTokens.instance_id, instanceId));
