import { and, eq, inArray, notExists, notInArray, or } from "drizzle-orm";
import { FINAL_JOB_STATUSES, type InstanceStatus, instanceSources } from "../../shared/states.ts";
import type { Db } from "./db.ts";
import { fleets, instances, submissions } from "./schema.ts";

export type InstanceRow = typeof instances.$inferSelect;
export type NewInstanceRow = typeof instances.$inferInsert;
export type InstancePatch = Partial<Omit<NewInstanceRow, "id" | "status">>;

export const findInstance = async (db: Db, id: string): Promise<InstanceRow | undefined> =>
  (await db.select().from(instances).where(eq(instances.id, id)))[0];

/** The live instance of a host key. */
export const findInstanceByKey = async (db: Db, publicKey: string): Promise<InstanceRow | undefined> =>
  (
    await db
      .select()
      .from(instances)
      .where(and(eq(instances.public_key, publicKey), eq(instances.deleted, false)))
  )[0];

/** The instance whose current or replaced credential has this hash; the caller checks which, and its expiry. */
export const findInstanceByCredential = async (db: Db, hash: string): Promise<InstanceRow | undefined> =>
  (
    await db
      .select()
      .from(instances)
      .where(
        and(
          or(eq(instances.credential_hash, hash), eq(instances.previous_credential_hash, hash)),
          eq(instances.deleted, false),
        ),
      )
  )[0];

/** Numbers ever given out in a fleet, so that none is given twice. */
export const listInstanceNums = async (db: Db, fleetId: string): Promise<number[]> =>
  (
    await db.select({ num: instances.instance_num }).from(instances).where(eq(instances.fleet_id, fleetId))
  ).map((row) => row.num);

/** All live instances with the name of their fleet. */
export const listLiveInstances = (db: Db): Promise<{ instance: InstanceRow; fleetName: string }[]> =>
  db
    .select({ instance: instances, fleetName: fleets.name })
    .from(instances)
    .innerJoin(fleets, eq(instances.fleet_id, fleets.id))
    .where(eq(instances.deleted, false));

export const insertInstance = (db: Db, row: NewInstanceRow) => db.insert(instances).values(row);

export const patchInstance = (db: Db, id: string, patch: InstancePatch) =>
  db.update(instances).set(patch).where(eq(instances.id, id));

/** A legal move, or nothing (see moveSubmission). */
export const moveInstance = (db: Db, id: string, move: { to: InstanceStatus; patch: InstancePatch }) =>
  db
    .update(instances)
    .set({ ...move.patch, status: move.to })
    .where(and(eq(instances.id, id), inArray(instances.status, instanceSources(move.to))))
    .returning({ id: instances.id });

/** Idle again, unless a submission is alive there: the last one to leave frees the host. */
export const freeInstance = (db: Db, id: string) =>
  db
    .update(instances)
    .set({ status: "idle" })
    .where(
      and(
        eq(instances.id, id),
        eq(instances.status, "busy"),
        notExists(
          db
            .select({ id: submissions.id })
            .from(submissions)
            .where(and(eq(submissions.instance_id, id), notInArray(submissions.status, FINAL_JOB_STATUSES))),
        ),
      ),
    )
    .returning({ id: instances.id });
