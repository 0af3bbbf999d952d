import { and, eq, inArray, type SQL, sql } from "drizzle-orm";
import type { GatewayConfiguration } from "../../shared/config/gateway.ts";
import { type GatewayStatus, gatewaySources } from "../../shared/states.ts";
import { type Db, type Statement, writeAll } from "./db.ts";
import { defaultGateways, gateways } from "./schema.ts";
import { unlessTaken } from "./uniqueness.ts";

export type GatewayRow = typeof gateways.$inferSelect;

// A literal, not a parameter: only then does SQLite use the partial index.
const ALIVE = sql`${gateways.deleted} = 0`;

const listWhere = (db: Db, condition: SQL | undefined): Promise<GatewayRow[]> =>
  db
    .select()
    .from(gateways)
    .where(and(condition, ALIVE))
    .orderBy(sql`${gateways.created_at} DESC`, gateways.id);

/** `also` is part of the same transaction. */
export const insertGateway = (db: Db, row: GatewayRow, also: readonly Statement[]): Promise<unknown> =>
  unlessTaken(
    `Gateway "${row.name}" exists already`,
    writeAll(db, [db.insert(gateways).values(row), ...also]),
  );

export const listGateways = (db: Db, projectId: string): Promise<GatewayRow[]> =>
  listWhere(db, eq(gateways.project_id, projectId));

export const listGatewaysByIds = (db: Db, ids: string[]): Promise<GatewayRow[]> =>
  ids.length === 0 ? Promise.resolve([]) : listWhere(db, inArray(gateways.id, ids));

export const listGatewaysByNames = (db: Db, projectId: string, names: string[]): Promise<GatewayRow[]> =>
  names.length === 0
    ? Promise.resolve([])
    : listWhere(db, and(eq(gateways.project_id, projectId), inArray(gateways.name, names)));

export const findGatewayByName = async (
  db: Db,
  projectId: string,
  name: string,
): Promise<GatewayRow | undefined> => (await listGatewaysByNames(db, projectId, [name]))[0];

/** Those that nobody has looked at yet, of all projects. */
export const listNewGateways = (db: Db): Promise<GatewayRow[]> =>
  listWhere(db, eq(gateways.status, "submitted"));

export const setGatewayConfiguration = (db: Db, id: string, configuration: GatewayConfiguration) =>
  db
    .update(gateways)
    .set({ configuration })
    .where(and(eq(gateways.id, id), ALIVE));

/** A legal move, or nothing. */
export const moveGateway = (
  db: Db,
  id: string,
  { to, message }: { to: GatewayStatus; message: string | null },
) =>
  db
    .update(gateways)
    .set({ status: to, status_message: message })
    .where(and(eq(gateways.id, id), inArray(gateways.status, gatewaySources(to)), ALIVE));

/** They are nobody's default any more. */
export const markGatewaysDeleted = (db: Db, ids: string[]): Statement[] => [
  db.delete(defaultGateways).where(inArray(defaultGateways.gateway_id, ids)),
  db
    .update(gateways)
    .set({ deleted: true })
    .where(and(inArray(gateways.id, ids), ALIVE)),
];

/** The id of the project's default gateway, which may be another project's. */
export const findDefaultGateway = async (db: Db, projectId: string): Promise<string | undefined> =>
  (await db.select().from(defaultGateways).where(eq(defaultGateways.project_id, projectId)))[0]?.gateway_id;

export const setDefaultGateway = (db: Db, projectId: string, gatewayId: string): Statement =>
  db
    .insert(defaultGateways)
    .values({ project_id: projectId, gateway_id: gatewayId })
    .onConflictDoUpdate({ target: defaultGateways.project_id, set: { gateway_id: gatewayId } });

export const clearDefaultGateway = (db: Db, projectId: string): Statement =>
  db.delete(defaultGateways).where(eq(defaultGateways.project_id, projectId));
