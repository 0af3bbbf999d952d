import { and, eq, inArray } from "drizzle-orm";
import type { Db } from "./db.ts";
import { secrets } from "./schema.ts";

export type SecretRow = typeof secrets.$inferSelect;

export const listSecrets = (db: Db, projectId: string): Promise<SecretRow[]> =>
  db.select().from(secrets).where(eq(secrets.project_id, projectId)).orderBy(secrets.name);

export const listSecretsByNames = (db: Db, projectId: string, names: string[]): Promise<SecretRow[]> =>
  db
    .select()
    .from(secrets)
    .where(and(eq(secrets.project_id, projectId), inArray(secrets.name, names)));

/** Makes it, or gives it another value; its id and age stay. */
export const upsertSecret = (db: Db, row: typeof secrets.$inferInsert) =>
  db
    .insert(secrets)
    .values(row)
    .onConflictDoUpdate({
      target: [secrets.project_id, secrets.name],
      set: { value_sealed: row.value_sealed },
    });

export const deleteSecrets = (db: Db, ids: string[]) => db.delete(secrets).where(inArray(secrets.id, ids));
