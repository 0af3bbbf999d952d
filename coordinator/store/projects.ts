import { and, count, eq, inArray, or, type SQL, sql } from "drizzle-orm";
import { type Db, type Statement, writeAll } from "./db.ts";
import { nameContains } from "./names.ts";
import { afterPage, type Page, pageOrder } from "./page.ts";
import { isOneOf, memoisedRows } from "./prepared.ts";
import { members, projects } from "./schema.ts";
import { unlessTaken } from "./uniqueness.ts";

export type ProjectRow = typeof projects.$inferSelect;

// A literal, not a parameter: only then does SQLite use the partial index.
const ALIVE = sql`${projects.deleted} = 0`;

/** With its creator as its first admin, or not at all. `also` is part of the same transaction. */
export const insertProject = (
  db: Db,
  row: typeof projects.$inferInsert,
  also: readonly Statement[],
): Promise<unknown> =>
  unlessTaken(
    `Project "${row.name}" exists already`,
    writeAll(db, [
      db.insert(projects).values(row),
      db.insert(members).values({ project_id: row.id, user_id: row.owner_id, project_role: "admin" }),
      ...also,
    ]),
  );

/** Deleted ones too. */
export const findProject = async (db: Db, id: string): Promise<ProjectRow | undefined> =>
  (await listProjectsByIds(db, [id]))[0];

const byIds = memoisedRows(projects, (db, { ids }: { ids: string }) =>
  db.select().from(projects).where(isOneOf(projects.id, ids)),
);

/** Deleted ones too: their runs keep them. */
export const listProjectsByIds = (db: Db, ids: string[]): Promise<ProjectRow[]> =>
  ids.length === 0 ? Promise.resolve([]) : byIds(db, { ids: JSON.stringify(ids) });

const byName = memoisedRows(projects, (db, { name }: { name: string }) =>
  db
    .select()
    .from(projects)
    .where(and(sql`lower(${sql.identifier(projects.name.name)}) = ${name}`, ALIVE)),
);

/** In paths, names match whatever their case (docs/spec/http-api.md §1.1). */
export const findProjectByName = async (db: Db, name: string): Promise<ProjectRow | undefined> =>
  (await byName(db, { name: name.toLowerCase() }))[0];

export interface ProjectFilter {
  /** Only those this user is a member of … */
  memberId?: string;
  /** … and public ones besides. */
  orPublic?: boolean;
  namePart?: string;
  /** Of all of these, those that this user owns or is a member of. */
  ofUserId?: string;
}

const matching = (db: Db, filter: ProjectFilter): SQL | undefined => {
  const { memberId, namePart, ofUserId } = filter;
  const joinedBy = (userId: string) =>
    inArray(
      projects.id,
      db.select({ id: members.project_id }).from(members).where(eq(members.user_id, userId)),
    );
  const joined = memberId === undefined ? undefined : joinedBy(memberId);
  return and(
    ALIVE,
    ofUserId === undefined ? undefined : or(eq(projects.owner_id, ofUserId), joinedBy(ofUserId)),
    joined && filter.orPublic ? or(joined, eq(projects.is_public, true)) : joined,
    namePart ? nameContains(projects.name, namePart) : undefined,
  );
};

export const listProjects = (db: Db, filter: ProjectFilter, page: Page): Promise<ProjectRow[]> =>
  db
    .select()
    .from(projects)
    .where(and(matching(db, filter), afterPage(page, projects.created_at, projects.id)))
    .orderBy(...pageOrder(page, projects.created_at, projects.id))
    .limit(page.limit);

export const countProjects = async (db: Db, filter: ProjectFilter): Promise<number> =>
  (await db.select({ n: count() }).from(projects).where(matching(db, filter)))[0]?.n ?? 0;

/** Every project that the filter lets through, in no order. */
export const listAllProjects = (db: Db, filter: ProjectFilter): Promise<ProjectRow[]> =>
  db.select().from(projects).where(matching(db, filter));

export const patchProject = (
  db: Db,
  id: string,
  patch: Partial<Pick<ProjectRow, "is_public" | "templates_repo">>,
) =>
  db
    .update(projects)
    .set(patch)
    .where(and(eq(projects.id, id), ALIVE));

export const markProjectDeleted = (db: Db, id: string) =>
  db.update(projects).set({ deleted: true }).where(eq(projects.id, id));
