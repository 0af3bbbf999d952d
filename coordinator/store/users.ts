import { and, count, eq, inArray, type SQL, sql } from "drizzle-orm";
import { type Db, type Statement, writeAll } from "./db.ts";
import { nameContains, nameIs } from "./names.ts";
import { afterPage, type Page, pageOrder } from "./page.ts";
import { isOneOf, memoisedRows } from "./prepared.ts";
import { users } from "./schema.ts";
import { unlessTaken } from "./uniqueness.ts";

export type UserRow = typeof users.$inferSelect;

// A literal, not a parameter: only then does SQLite use the partial index.
const ALIVE = sql`${users.deleted} = 0`;

/** `also` is part of the same transaction. */
export const insertUser = (
  db: Db,
  row: typeof users.$inferInsert,
  also: readonly Statement[],
): Promise<unknown> =>
  unlessTaken(`User "${row.username}" exists already`, writeAll(db, [db.insert(users).values(row), ...also]));

const byTokenHash = memoisedRows(users, (db, { tokenHash }: { tokenHash: string }) =>
  db
    .select()
    .from(users)
    .where(and(eq(users.token_hash, tokenHash), ALIVE)),
);

export const findUserByTokenHash = async (db: Db, tokenHash: string): Promise<UserRow | undefined> =>
  (await byTokenHash(db, { tokenHash }))[0];

export const findUserByName = async (db: Db, username: string): Promise<UserRow | undefined> =>
  (
    await db
      .select()
      .from(users)
      .where(and(nameIs(users.username, username), ALIVE))
  )[0];

const byIds = memoisedRows(users, (db, { ids }: { ids: string }) =>
  db.select().from(users).where(isOneOf(users.id, ids)),
);

/** Deleted ones too: runs keep their author. */
export const listUsersByIds = (db: Db, ids: string[]): Promise<UserRow[]> =>
  ids.length === 0 ? Promise.resolve([]) : byIds(db, { ids: JSON.stringify(ids) });

export interface UserFilter {
  /** Only this one. */
  id?: string;
  namePart?: string;
}

const matching = (filter: UserFilter): SQL | undefined =>
  and(
    ALIVE,
    filter.id === undefined ? undefined : eq(users.id, filter.id),
    filter.namePart ? nameContains(users.username, filter.namePart) : undefined,
  );

export const listUsers = (db: Db, filter: UserFilter, page: Page): Promise<UserRow[]> =>
  db
    .select()
    .from(users)
    .where(and(matching(filter), afterPage(page, users.created_at, users.id)))
    .orderBy(...pageOrder(page, users.created_at, users.id))
    .limit(page.limit);

export const countUsers = async (db: Db, filter: UserFilter): Promise<number> =>
  (await db.select({ n: count() }).from(users).where(matching(filter)))[0]?.n ?? 0;

export const setUserTokenHash = (db: Db, id: string, tokenHash: string) =>
  db.update(users).set({ token_hash: tokenHash }).where(eq(users.id, id));

export const patchUser = (db: Db, id: string, patch: Pick<UserRow, "global_role" | "email" | "active">) =>
  db
    .update(users)
    .set(patch)
    .where(and(eq(users.id, id), ALIVE));

/** In place of the one that is there. */
export const replaceUserSshKeys = (
  db: Db,
  id: string,
  pair: { publicKey: string; privateKeySealed: string },
) =>
  db
    .update(users)
    .set({ ssh_public_key: pair.publicKey, ssh_private_key_sealed: pair.privateKeySealed })
    .where(and(eq(users.id, id), ALIVE));

/** Keeps the pair that is there, if two requests made one at the same time; returns the row as it now is. */
export const setUserSshKeys = async (
  db: Db,
  id: string,
  pair: { publicKey: string; privateKeySealed: string },
): Promise<UserRow | undefined> => {
  await db
    .update(users)
    .set({ ssh_public_key: pair.publicKey, ssh_private_key_sealed: pair.privateKeySealed })
    .where(and(eq(users.id, id), sql`${users.ssh_public_key} IS NULL`));
  return (await db.select().from(users).where(eq(users.id, id)))[0];
};

export const markUsersDeleted = (db: Db, ids: string[]) =>
  db.update(users).set({ deleted: true, active: false }).where(inArray(users.id, ids));
