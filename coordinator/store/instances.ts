import { and, desc, eq, inArray, max, ne, notExists, sql } from "drizzle-orm";
import {
  INSTANCE_STATUSES,
  type InstanceStatus,
  instanceSources,
  LIVE_JOB_STATUSES,
} from "../../shared/states.ts";
import type { Db } from "./db.ts";
import { byStatus, preparedRows, preparedWrite } from "./prepared.ts";
import { fleets, instances, submissions } from "./schema.ts";

export type InstanceRow = typeof instances.$inferSelect;
export type NewInstanceRow = typeof instances.$inferInsert;
export type InstancePatch = Partial<Omit<InstanceRow, "id" | "status">>;

// Hosts that could not be brought in are listed in their fleet until somebody takes them out.
const NOT_OVER = ne(instances.status, "terminated");

const byId = preparedRows(instances, (db, { id }: { id: string }) =>
  db.select().from(instances).where(eq(instances.id, id)),
);

export const findInstance = async (db: Db, id: string): Promise<InstanceRow | undefined> =>
  (await byId(db, { id }))[0];

/** The live instance of that name in a project. */
export const findInstanceByName = async (
  db: Db,
  projectId: string,
  name: string,
): Promise<InstanceRow | undefined> =>
  (
    await db
      .select()
      .from(instances)
      .where(and(eq(instances.project_id, projectId), eq(instances.name, name), eq(instances.deleted, false)))
  )[0];

/** The one that has the number now, else the last that had it. */
export const findInstanceByNumber = async (
  db: Db,
  fleetId: string,
  num: number,
): Promise<InstanceRow | undefined> =>
  (
    await db
      .select()
      .from(instances)
      .where(and(eq(instances.fleet_id, fleetId), eq(instances.instance_num, num)))
      .orderBy(instances.deleted, desc(instances.created_at))
      .limit(1)
  )[0];

/** The live instance of a host key; one that never came in is none. */
export const findInstanceByKey = async (db: Db, publicKey: string): Promise<InstanceRow | undefined> =>
  (
    await db
      .select()
      .from(instances)
      .where(and(eq(instances.public_key, publicKey), eq(instances.deleted, false), NOT_OVER))
  )[0];

/** All instances that are there or coming, with the name of their fleet. */
export const listLiveInstances = (db: Db): Promise<{ instance: InstanceRow; fleetName: string }[]> =>
  db
    .select({ instance: instances, fleetName: fleets.name })
    .from(instances)
    .innerJoin(fleets, eq(instances.fleet_id, fleets.id))
    .where(and(eq(instances.deleted, false), NOT_OVER));

/** The highest number that was ever given out in the fleet; −1: none. */
export const lastInstanceNum = async (db: Db, fleetId: string): Promise<number> =>
  (
    await db
      .select({ num: max(instances.instance_num) })
      .from(instances)
      .where(eq(instances.fleet_id, fleetId))
  )[0]?.num ?? -1;

export const insertInstance = (db: Db, row: NewInstanceRow) => db.insert(instances).values(row);

/** Without a number it has the one after the last that was ever given out in the fleet; its name is with that number. */
export const insertJoinedInstance = (
  db: Db,
  fleetName: string,
  row: Omit<NewInstanceRow, "instance_num" | "name"> & { instance_num: number | undefined },
) => {
  if (row.instance_num !== undefined) {
    const { instance_num } = row;
    return db.insert(instances).values({ ...row, instance_num, name: `${fleetName}-${instance_num}` });
  }
  const next = sql`(SELECT coalesce(max(instance_num), -1) + 1 FROM instances WHERE fleet_id = ${row.fleet_id})`;
  return db
    .insert(instances)
    .values({ ...row, instance_num: next, name: sql`${`${fleetName}-`} || ${next}` });
};

const patchById = preparedWrite((db, { id, ...patch }: { id: string } & InstancePatch) =>
  db.update(instances).set(patch).where(eq(instances.id, id)),
);

export const patchInstance = (db: Db, id: string, patch: InstancePatch) => patchById(db, { ...patch, id });

/** One that never came in, and is not to be listed any more. */
export const deleteFailedInstance = (db: Db, id: string) =>
  db
    .update(instances)
    .set({ deleted: true })
    .where(and(eq(instances.id, id), eq(instances.status, "terminated")));

const movesTo = byStatus(INSTANCE_STATUSES, (to) =>
  preparedWrite((db, { id, ...patch }: { id: string; status: InstanceStatus } & InstancePatch) =>
    db
      .update(instances)
      .set(patch)
      .where(and(eq(instances.id, id), inArray(instances.status, instanceSources(to)))),
  ),
);

/** A legal move, or nothing (see moveSubmission). */
export const moveInstance = (
  db: Db,
  id: string,
  { to, patch }: { to: InstanceStatus; patch: InstancePatch },
) => movesTo[to](db, { ...patch, id, status: to });

const free = preparedWrite((db, { id, now }: { id: string; now: number }) =>
  db
    .update(instances)
    .set({ status: "idle", idle_since: now })
    .where(
      and(
        eq(instances.id, id),
        eq(instances.status, "busy"),
        notExists(
          db
            .select({ id: submissions.id })
            .from(submissions)
            .where(
              and(
                eq(submissions.instance_id, id),
                // One that is alive has no whole log yet; the index knows these, however many there were before.
                eq(submissions.log_complete, false),
                inArray(submissions.status, LIVE_JOB_STATUSES),
              ),
            ),
        ),
      ),
    ),
);

/** Idle again, unless a submission is alive there: the last one to leave frees the host. */
export const freeInstance = (db: Db, id: string, now: number) => free(db, { id, now });
