import { and, eq, inArray, sql } from "drizzle-orm";
import type { Db, Statement } from "./db.ts";
import { memoisedRows } from "./prepared.ts";
import { members, users } from "./schema.ts";
import type { UserRow } from "./users.ts";

export type ProjectRole = typeof members.$inferSelect.project_role;

const ofUser = memoisedRows(members, (db, { projectId, userId }: { projectId: string; userId: string }) =>
  db
    .select()
    .from(members)
    .where(and(eq(members.project_id, projectId), eq(members.user_id, userId))),
);

export const findRole = async (db: Db, projectId: string, userId: string): Promise<ProjectRole | undefined> =>
  (await ofUser(db, { projectId, userId }))[0]?.project_role;

/** Deleted projects too. */
export const listProjectIdsOfMember = async (db: Db, userId: string): Promise<string[]> =>
  (await db.select({ id: members.project_id }).from(members).where(eq(members.user_id, userId))).map(
    (row) => row.id,
  );

/** By project, deleted ones too. */
export const listRolesOf = async (db: Db, userId: string): Promise<Map<string, ProjectRole>> => {
  const rows = await db.select().from(members).where(eq(members.user_id, userId));
  return new Map(rows.map((row) => [row.project_id, row.project_role]));
};

/** In order of joining. Deleted users are not listed. */
export const listMembers = (db: Db, projectId: string): Promise<{ user: UserRow; role: ProjectRole }[]> =>
  db
    .select({ user: users, role: members.project_role })
    .from(members)
    .innerJoin(users, eq(users.id, members.user_id))
    .where(and(eq(members.project_id, projectId), eq(users.deleted, false)))
    .orderBy(sql`members.rowid`);

export interface MemberChange {
  userId: string;
  role: ProjectRole;
}

const upsert = (db: Db, projectId: string, { userId, role }: MemberChange): Statement =>
  db
    .insert(members)
    .values({ project_id: projectId, user_id: userId, project_role: role })
    .onConflictDoUpdate({
      target: [members.project_id, members.user_id],
      set: { project_role: role },
    });

export const addMembers = (db: Db, projectId: string, changes: MemberChange[]): Statement[] =>
  changes.map((change) => upsert(db, projectId, change));

/** These and no others. */
export const setMembers = (db: Db, projectId: string, changes: MemberChange[]): Statement[] => [
  db.delete(members).where(eq(members.project_id, projectId)),
  ...addMembers(db, projectId, changes),
];

export const removeMembers = (db: Db, projectId: string, userIds: string[]) =>
  db.delete(members).where(and(eq(members.project_id, projectId), inArray(members.user_id, userIds)));
