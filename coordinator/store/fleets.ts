import { and, eq, inArray, ne, or, type SQL, sql } from "drizzle-orm";
import { type FleetStatus, fleetSources } from "../../shared/states.ts";
import { type Db, type Statement, writeAll } from "./db.ts";
import { afterPage, type Page, pageOrder } from "./page.ts";
import { isOneOf, memoisedRows } from "./prepared.ts";
import { fleets } from "./schema.ts";
import { unlessTaken } from "./uniqueness.ts";

export type FleetRow = typeof fleets.$inferSelect;

// A literal, not a parameter: only then does SQLite use the partial index.
const ALIVE = sql`${fleets.deleted} = 0`;

export const newFleet = (db: Db, row: typeof fleets.$inferInsert) => db.insert(fleets).values(row);

/** `also` is part of the same transaction. */
export const insertFleet = (
  db: Db,
  row: typeof fleets.$inferInsert,
  also: readonly Statement[] = [],
): Promise<unknown> =>
  unlessTaken(`Fleet "${row.name}" exists already`, writeAll(db, [newFleet(db, row), ...also]));

export const findFleetByName = async (
  db: Db,
  projectId: string,
  name: string,
): Promise<FleetRow | undefined> =>
  (
    await db
      .select()
      .from(fleets)
      .where(and(eq(fleets.project_id, projectId), eq(fleets.name, name), ALIVE))
  )[0];

/** Deleted ones too. */
export const findFleet = async (db: Db, id: string): Promise<FleetRow | undefined> =>
  (await listFleetsByIds(db, [id]))[0];

const byIds = memoisedRows(fleets, (db, { ids }: { ids: string }) =>
  db.select().from(fleets).where(isOneOf(fleets.id, ids)),
);

/** Deleted ones too: finished runs keep their fleet. */
export const listFleetsByIds = (db: Db, ids: string[]): Promise<FleetRow[]> =>
  ids.length === 0 ? Promise.resolve([]) : byIds(db, { ids: JSON.stringify(ids) });

export interface FleetFilter {
  projectIds: string[];
  /** These besides. */
  fleetIds?: string[];
  onlyActive: boolean;
}

const matching = (filter: FleetFilter): SQL | undefined =>
  and(
    ALIVE,
    filter.fleetIds?.length
      ? or(inArray(fleets.project_id, filter.projectIds), inArray(fleets.id, filter.fleetIds))
      : inArray(fleets.project_id, filter.projectIds),
    filter.onlyActive ? ne(fleets.status, "terminating") : undefined,
  );

export const listFleets = (db: Db, filter: FleetFilter, page: Page): Promise<FleetRow[]> =>
  db
    .select()
    .from(fleets)
    .where(and(matching(filter), afterPage(page, fleets.created_at, fleets.id)))
    .orderBy(...pageOrder(page, fleets.created_at, fleets.id))
    .limit(page.limit);

/** Which of these projects have a fleet that is not deleted? */
export const listProjectsWithFleets = async (db: Db, projectIds: string[]): Promise<string[]> =>
  (
    await db
      .selectDistinct({ id: fleets.project_id })
      .from(fleets)
      .where(and(ALIVE, inArray(fleets.project_id, projectIds)))
  ).map((row) => row.id);

/** Those that are not deleted, of all projects. */
export const listLiveFleets = (db: Db): Promise<FleetRow[]> => db.select().from(fleets).where(ALIVE);

export type FleetPatch = Partial<Omit<typeof fleets.$inferInsert, "id" | "status">>;

export const patchFleet = (db: Db, id: string, patch: FleetPatch) =>
  db.update(fleets).set(patch).where(eq(fleets.id, id));

/** A legal move, or nothing (see moveSubmission). */
export const moveFleet = (db: Db, id: string, move: { to: FleetStatus; patch: FleetPatch }) =>
  db
    .update(fleets)
    .set({ ...move.patch, status: move.to })
    .where(and(eq(fleets.id, id), inArray(fleets.status, fleetSources(move.to))))
    .returning({ id: fleets.id });
