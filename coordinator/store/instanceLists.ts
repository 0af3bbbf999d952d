import { and, eq, inArray, or, type SQL } from "drizzle-orm";
import type { Db } from "./db.ts";
import type { InstanceRow } from "./instances.ts";
import { afterPage, type Page, pageOrder } from "./page.ts";
import { instances } from "./schema.ts";

/** The live instances of these fleets, by fleet and number. */
export const listInstancesOfFleets = (db: Db, fleetIds: string[]): Promise<InstanceRow[]> =>
  fleetIds.length === 0
    ? Promise.resolve([])
    : db
        .select()
        .from(instances)
        .where(and(inArray(instances.fleet_id, fleetIds), eq(instances.deleted, false)))
        .orderBy(instances.fleet_id, instances.instance_num);

/** Those that are gone too. */
export const listInstancesByIds = (db: Db, ids: string[]): Promise<InstanceRow[]> =>
  ids.length === 0 ? Promise.resolve([]) : db.select().from(instances).where(inArray(instances.id, ids));

export interface InstanceFilter {
  projectIds: string[];
  /** Those of these fleets besides, whatever their project. */
  importedFleetIds?: string[];
  /** Of all of these, those of these fleets alone. */
  fleetIds?: string[];
  onlyActive: boolean;
}

const matching = (filter: InstanceFilter): SQL | undefined =>
  and(
    filter.importedFleetIds?.length
      ? or(
          inArray(instances.project_id, filter.projectIds),
          inArray(instances.fleet_id, filter.importedFleetIds),
        )
      : inArray(instances.project_id, filter.projectIds),
    filter.fleetIds === undefined ? undefined : inArray(instances.fleet_id, filter.fleetIds),
    filter.onlyActive ? eq(instances.deleted, false) : undefined,
  );

/** Those that are gone too, unless only active ones are asked for. */
export const listInstances = (db: Db, filter: InstanceFilter, page: Page): Promise<InstanceRow[]> =>
  db
    .select()
    .from(instances)
    .where(and(matching(filter), afterPage(page, instances.created_at, instances.id)))
    .orderBy(...pageOrder(page, instances.created_at, instances.id))
    .limit(page.limit);
