import { and, eq, inArray } from "drizzle-orm";
import type { Db } from "./db.ts";
import { fleets, instances, sshHosts } from "./schema.ts";
import type { SshInstance } from "./sshInstance.ts";

export type SshHostRow = typeof sshHosts.$inferSelect;

/** A unique index refuses a host that is in any fleet. */
export const insertSshHost = (db: Db, row: SshHostRow) => db.insert(sshHosts).values(row);

export const findSshHost = async (db: Db, instanceId: string): Promise<SshHostRow | undefined> =>
  (await db.select().from(sshHosts).where(eq(sshHosts.instance_id, instanceId)))[0];

/** Those of these hosts that are in a fleet, with its name. */
export const listTakenHosts = (
  db: Db,
  hostnames: readonly string[],
): Promise<{ hostname: string; fleetId: string; fleetName: string }[]> =>
  hostnames.length === 0
    ? Promise.resolve([])
    : db
        .select({ hostname: sshHosts.hostname, fleetId: sshHosts.fleet_id, fleetName: fleets.name })
        .from(sshHosts)
        .innerJoin(fleets, eq(sshHosts.fleet_id, fleets.id))
        .where(inArray(sshHosts.hostname, [...hostnames]));

export const forgetSshSecrets = (db: Db, instanceId: string) =>
  db.update(sshHosts).set({ secrets_sealed: null }).where(eq(sshHosts.instance_id, instanceId));

export const changeSshSecrets = (db: Db, instanceId: string, sealed: string) =>
  db.update(sshHosts).set({ secrets_sealed: sealed }).where(eq(sshHosts.instance_id, instanceId));

export const deleteSshHost = (db: Db, instanceId: string) =>
  db.delete(sshHosts).where(eq(sshHosts.instance_id, instanceId));

/** Whatever has become of it, as long as it is there. */
export const patchSshInstance = (db: Db, instanceId: string, ssh: SshInstance) =>
  db
    .update(instances)
    .set({ ssh })
    .where(and(eq(instances.id, instanceId), eq(instances.deleted, false)));

/** Only while the host is on its way: what comes late must not take back what it has become. */
export const patchComingHost = (db: Db, instanceId: string, ssh: SshInstance) =>
  db
    .update(instances)
    .set({ ssh })
    .where(and(eq(instances.id, instanceId), eq(instances.status, "pending")));
