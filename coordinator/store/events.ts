import type { InValue } from "@libsql/client";
import { type SQL, sql } from "drizzle-orm";
import type { EventTargetType } from "../../shared/api/events.ts";
import type { Clock } from "../../shared/clock.ts";
import type { Db, Statement } from "./db.ts";
import { preparedWrite } from "./prepared.ts";
import { events } from "./schema.ts";
import type { ToldTarget } from "./toldEvent.ts";

/** What an event tells of; `projectId` is null for what belongs to no project. */
export interface EventSubject extends ToldTarget {
  projectId: string | null;
}

export interface NewEvent {
  message: string;
  /** Who did it; undefined: the system. */
  actorId?: string | undefined;
  /** At most one of each type. */
  targets: readonly EventSubject[];
}

/**
 * Statements that tell of what the others of their transaction change; none where nothing is kept. `ifChanged`: only if
 * the statement right before them changed anything, and then of no more than one thing.
 */
export type TellEvents = (events: readonly NewEvent[], options?: { ifChanged: boolean }) => Statement[];

/** As `TellEvents`, for events that are kept at all. */
export const eventTeller =
  (db: Db, clock: Clock, { ttlS }: { ttlS: number }): TellEvents =>
  (told, { ifChanged } = { ifChanged: false }) => {
    if (ttlS === 0) return [];
    const write = ifChanged ? insertIfChanged : insert;
    const at = clock.now() * 1000;
    return gather(told).map(({ told: entries, project_id = null, ...place }) => {
      const { user_id = null, fleet_id = null, instance_id = null, run_id = null } = place;
      const row = { project_id, user_id, fleet_id, instance_id, run_id, told: JSON.stringify(entries) };
      return write(db, { ...row, at });
    });
  };

/** Most events of one row, so that whoever looks for what was told since then knows where to begin. */
export const MOST_TOLD = 1_000;

type Row = typeof events.$inferInsert;
type Place = Pick<Row, "user_id" | "fleet_id" | "instance_id" | "run_id">;

/** But for the time, in the order of the table. */
const COLUMNS = ["told", "project_id", "user_id", "fleet_id", "instance_id", "run_id"] as const;

/** In order, behind all that was told before: time goes on even where the clock does not. */
const insertIf = (condition: SQL) =>
  preparedWrite((db, row: Record<(typeof COLUMNS)[number], string | null> & { at: number }) => {
    const next = sql`(SELECT ${events.recorded_at} + json_array_length(${events.told}) FROM ${events} ORDER BY ${events.recorded_at} DESC LIMIT 1)`;
    const values = COLUMNS.map((column) => sql`${row[column]}`);
    return db
      .insert(events)
      .select(sql`SELECT max(${row.at}, coalesce(${next}, 0)), ${sql.join(values, sql`, `)} ${condition}`);
  });
const insert = insertIf(sql``);
const insertIfChanged = insertIf(sql`WHERE changes() > 0`);

/** Rows that are deleted at once: some milliseconds' work. */
const SLICE = 500;

/** Some of those that were told before; answers whether there may be more. `before`: microseconds since 1970. */
export const deleteEventsBefore = async (db: Db, before: number): Promise<boolean> => {
  const old = sql`(SELECT ${events.recorded_at} FROM ${events} WHERE ${events.recorded_at} < ${before} ORDER BY ${events.recorded_at} LIMIT ${SLICE})`;
  const { sql: text, params } = db.delete(events).where(sql`${events.recorded_at} IN ${old}`).toSQL();
  const [deleted] = await db.$client.batch([{ sql: text, args: params as InValue[] }], "write");
  return deleted?.rowsAffected === SLICE;
};

/** As few rows as will do: each has one run, one host and so on at most. */
const gather = (told: readonly NewEvent[]): Omit<Row, "recorded_at">[] => {
  const rows: Omit<Row, "recorded_at">[] = [];
  for (const event of told) {
    const place = placeOf(event);
    const project_id = event.targets.find((target) => target.projectId !== null)?.projectId ?? null;
    const last = rows.at(-1);
    const entry = entryOf(event);
    if (last && last.project_id === project_id && last.told.length < MOST_TOLD && agree(last, place)) {
      last.told.push(entry);
      Object.assign(last, place);
    } else rows.push({ told: [entry], project_id, ...place });
  }
  return rows;
};

const agree = (row: Place, place: Place): boolean =>
  (Object.keys(place) as (keyof Place)[]).every((key) => (row[key] ?? place[key]) === place[key]);

const entryOf = ({ message, actorId, targets }: NewEvent): Row["told"][number] => ({
  id: crypto.randomUUID(),
  message,
  ...(actorId === undefined ? {} : { actor: actorId }),
  targets: targets.map(({ projectId, ...target }) => target),
});

const COLUMN: Partial<Record<EventTargetType, { own?: keyof Place; within?: keyof Place }>> = {
  user: { own: "user_id" },
  fleet: { own: "fleet_id" },
  instance: { own: "instance_id", within: "fleet_id" },
  run: { own: "run_id" },
  job: { within: "run_id" },
};

const placeOf = ({ targets }: NewEvent): Place => {
  const place: Place = {};
  for (const { type, id, within } of targets) {
    const column = COLUMN[type];
    if (column?.own) place[column.own] = id;
    if (column?.within && within !== undefined) place[column.within] = within;
  }
  return place;
};
