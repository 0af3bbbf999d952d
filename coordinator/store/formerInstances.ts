import { and, desc, eq, inArray, isNull, sql } from "drizzle-orm";
import { alias } from "drizzle-orm/sqlite-core";
import type { Db } from "./db.ts";
import type { InstanceRow } from "./instances.ts";
import { instances } from "./schema.ts";

/** As many as are looked at of one machine that comes and goes. */
const MOST = 20;

/** What a host may have been in a fleet: instances of its key, or of its machine by its name; newest first. */
export const listInstancesOfMachine = async (
  db: Db,
  fleetId: string,
  host: { publicKey: string; machine: string | null | undefined; hostname: string },
): Promise<InstanceRow[]> => {
  const isJoined = and(eq(instances.fleet_id, fleetId), isNull(instances.made), isNull(instances.ssh));
  const ofMachine = and(
    isJoined,
    sql`inventory ->> '$.machine' = ${host.machine}`,
    sql`inventory ->> '$.hostname' = ${host.hostname}`,
  );
  const ofKey = and(isJoined, eq(instances.public_key, host.publicKey));
  const rows = await Promise.all(
    [ofKey, ...(host.machine ? [ofMachine] : [])].map((which) =>
      db.select().from(instances).where(which).orderBy(desc(instances.created_at)).limit(MOST),
    ),
  );
  const byId = new Map(rows.flat().map((row) => [row.id, row]));
  return [...byId.values()].sort((a, b) => b.created_at - a.created_at);
};

/** The numbers that instances of the fleet have now, of these. */
export const listTakenNumbers = async (
  db: Db,
  fleetId: string,
  nums: readonly number[],
): Promise<Set<number>> => {
  const rows = await db
    .select({ num: instances.instance_num })
    .from(instances)
    .where(
      and(
        eq(instances.fleet_id, fleetId),
        inArray(instances.instance_num, [...nums]),
        eq(instances.deleted, false),
      ),
    );
  return new Set(rows.map(({ num }) => num));
};

/** With those that had the number in the fleet before or after: one host under one name. */
export const listIdsWithFormer = async (db: Db, ids: readonly string[]): Promise<string[]> => {
  const named = alias(instances, "named");
  const rows = await db
    .select({ id: instances.id })
    .from(named)
    .innerJoin(
      instances,
      and(eq(instances.fleet_id, named.fleet_id), eq(instances.instance_num, named.instance_num)),
    )
    .where(inArray(named.id, [...ids]));
  return [...new Set([...ids, ...rows.map(({ id }) => id)])];
};
