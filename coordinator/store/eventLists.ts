import { and, type SQL, sql } from "drizzle-orm";
import type { EventTargetType } from "../../shared/api/events.ts";
import type { Db } from "./db.ts";
import { MOST_TOLD } from "./events.ts";
import type { Page } from "./page.ts";
import { events, members } from "./schema.ts";
import type { ToldEvent } from "./toldEvent.ts";

/** An event as it is read: out of the row that it shares with others. */
export interface ListedEvent extends ToldEvent {
  /** Microseconds since 1970. */
  recordedAt: number;
  projectId: string | null;
}

/** What an event must meet, all of it. */
export interface EventFilter {
  /** One of its targets is one of these. */
  targets?: { type: EventTargetType; ids: readonly string[] };
  /** One of its targets is one of these, or belongs to it. */
  within?: { type: "project" | "fleet" | "run" | "gateway"; ids: readonly string[] };
  types?: readonly EventTargetType[];
  /** Null: the system. */
  actors?: readonly (string | null)[];
  /** Events of this user, and of the projects that the user is a member of. */
  visibleTo?: string;
}

/** Where to look: rows that have this in an indexed column; undefined: in all. */
export interface EventScope {
  column: "project_id" | "user_id" | "fleet_id" | "instance_id" | "run_id";
  id: string;
}

/** A page of the events in any of the scopes; `page.prevTime` is in microseconds. */
export const listEvents = async (
  db: Db,
  scopes: readonly (EventScope | undefined)[],
  { filter, page }: { filter: EventFilter; page: Page },
): Promise<ListedEvent[]> => {
  // Each scope is one walk along an index, which ends with the page; of all together SQLite would sort everything.
  const found = await Promise.all(scopes.map((scope) => listOf(db, scope, { filter, page })));
  const byTime = new Map(found.flat().map((event) => [event.recordedAt, event]));
  const sign = page.ascending ? 1 : -1;
  return [...byTime.values()].sort((a, b) => sign * (a.recordedAt - b.recordedAt)).slice(0, page.limit);
};

const listOf = async (
  db: Db,
  scope: EventScope | undefined,
  { filter, page }: { filter: EventFilter; page: Page },
): Promise<ListedEvent[]> => {
  const direction = page.ascending ? sql`ASC` : sql`DESC`;
  const rows = await db
    .select({
      recordedAt: sql<number>`e.recorded_at + t.key`,
      projectId: sql<string | null>`e.project_id`,
      told: sql<string>`t.value`,
    })
    .from(sql`${events} e, json_each(e.told) t`)
    .where(
      and(
        scope && sql`e.${sql.identifier(scope.column)} = ${scope.id}`,
        behind(page),
        ...conditionsOf(filter),
      ),
    )
    .orderBy(sql`e.recorded_at ${direction}, t.key ${direction}`)
    .limit(page.limit);
  return rows.map(({ told, ...row }) => ({ ...(JSON.parse(told) as ToldEvent), ...row }));
};

/** As afterPage, where the time is that of the row and its place there. */
const behind = ({ prevTime, prevId, ascending }: Page): SQL | undefined => {
  if (prevTime === null) return undefined;
  const at = sql`e.recorded_at + t.key`;
  const id = sql`t.value ->> 'id'`;
  if (ascending) {
    const tie = prevId === null ? sql`` : sql` OR (${at} = ${prevTime} AND ${id} < ${prevId})`;
    return sql`e.recorded_at > ${prevTime - MOST_TOLD} AND (${at} > ${prevTime}${tie})`;
  }
  const tie = prevId === null ? sql`` : sql` OR (${at} = ${prevTime} AND ${id} > ${prevId})`;
  return sql`e.recorded_at <= ${prevTime} AND (${at} < ${prevTime}${tie})`;
};

const listed = (values: readonly unknown[]): SQL =>
  sql`(${sql.join(
    values.map((value) => sql`${value}`),
    sql`, `,
  )})`;

const anyTarget = (condition: SQL): SQL =>
  sql`EXISTS (SELECT 1 FROM json_each(t.value, '$.targets') x WHERE ${condition})`;

const TYPE = sql`x.value ->> 'type'`;
const ID = sql`x.value ->> 'id'`;

const conditionsOf = ({ targets, within, types, actors, visibleTo }: EventFilter): SQL[] => {
  const conditions: SQL[] = [];
  if (targets) conditions.push(anyTarget(sql`${TYPE} = ${targets.type} AND ${ID} IN ${listed(targets.ids)}`));
  if (within?.type === "project") conditions.push(sql`e.project_id IN ${listed(within.ids)}`);
  else if (within) {
    const ids = listed(within.ids);
    conditions.push(
      anyTarget(sql`(${TYPE} = ${within.type} AND ${ID} IN ${ids}) OR x.value ->> 'within' IN ${ids}`),
    );
  }
  if (types) conditions.push(anyTarget(sql`${TYPE} IN ${listed(types)}`));
  if (actors) {
    const actor = sql`t.value ->> 'actor'`;
    const users = actors.filter((id) => id !== null);
    const isSystem = actors.includes(null) ? sql`${actor} IS NULL` : sql`FALSE`;
    conditions.push(users.length > 0 ? sql`(${isSystem} OR ${actor} IN ${listed(users)})` : isSystem);
  }
  if (visibleTo !== undefined) {
    const projects = sql`(SELECT ${members.project_id} FROM ${members} WHERE ${members.user_id} = ${visibleTo})`;
    conditions.push(
      sql`(e.project_id IN ${projects} OR ${anyTarget(sql`${TYPE} = 'user' AND ${ID} = ${visibleTo}`)})`,
    );
  }
  return conditions;
};
