import { and, desc, eq, gt, inArray, lt, lte, sql } from "drizzle-orm";
import type { Db, Statement } from "./db.ts";
import { preparedRows, preparedWrite } from "./prepared.ts";
import { healthChecks } from "./schema.ts";

export type HealthCheckRow = typeof healthChecks.$inferSelect;

/** Of one instance: a device that fails and recovers all the time must not fill the disk. */
const MOST_OF_ONE = 1_000;

const insert = preparedWrite((db, row: HealthCheckRow) =>
  db
    .insert(healthChecks)
    .values(row)
    .onConflictDoUpdate({
      target: [healthChecks.instance_id, healthChecks.at],
      set: { status: row.status, events: row.events },
    }),
);

const trim = preparedWrite((db, { instanceId }: { instanceId: string }) => {
  const oldest = db
    .select({ at: healthChecks.at })
    .from(healthChecks)
    .where(eq(healthChecks.instance_id, instanceId))
    .orderBy(desc(healthChecks.at))
    .limit(1)
    .offset(MOST_OF_ONE);
  return db
    .delete(healthChecks)
    .where(and(eq(healthChecks.instance_id, instanceId), lte(healthChecks.at, sql`(${oldest})`)));
});

/** One at the same moment is replaced; those beyond the most of an instance are forgotten. */
export const insertHealthCheck = (db: Db, row: HealthCheckRow): Statement[] => [
  insert(db, row),
  trim(db, { instanceId: row.instance_id }),
];

const newest = preparedRows(healthChecks, (db, { instanceId }: { instanceId: string }) =>
  db
    .select()
    .from(healthChecks)
    .where(eq(healthChecks.instance_id, instanceId))
    .orderBy(desc(healthChecks.at))
    .limit(1),
);

export const findNewestHealthCheck = async (
  db: Db,
  instanceId: string,
): Promise<HealthCheckRow | undefined> => (await newest(db, { instanceId }))[0];

export interface HealthCheckFilter {
  /** Exclusive both, milliseconds since 1970. */
  after?: number | undefined;
  before?: number | undefined;
  limit: number;
}

/** Of these instances together, newest first. */
export const listHealthChecks = (
  db: Db,
  instanceIds: readonly string[],
  { after, before, limit }: HealthCheckFilter,
): Promise<HealthCheckRow[]> =>
  db
    .select()
    .from(healthChecks)
    .where(
      and(
        inArray(healthChecks.instance_id, [...instanceIds]),
        after === undefined ? undefined : gt(healthChecks.at, after),
        before === undefined ? undefined : lt(healthChecks.at, before),
      ),
    )
    .orderBy(desc(healthChecks.at))
    .limit(limit);

/** Those before `at`, but for the last of each instance: it tells how that is since then. */
export const deleteHealthChecks = (db: Db, at: number): Statement => {
  const isFollowed = sql`EXISTS (SELECT 1 FROM health_checks later WHERE later.instance_id = ${healthChecks.instance_id} AND later.at > ${healthChecks.at})`;
  return db.delete(healthChecks).where(and(lt(healthChecks.at, at), isFollowed));
};
