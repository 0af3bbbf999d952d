import type { Db } from "../store/db.ts";
import type { ToldEvent } from "../store/toldEvent.ts";

const CHANGED = /status changed (\w+) -> (\w+)/;
const BEGUN = /\. Status: (\w+)/;

/** Rows by position, as any client of the store answers them. */
type Read = (sql: string) => Promise<readonly (readonly unknown[])[]>;

/**
 * Where events and states disagree: each change must begin where the one before ended, and the last must end in what is
 * stored. Attempts that were deleted, and hosts that nobody told of, are passed over.
 */
export const findToldWrong = async (read: Read): Promise<string[]> => {
  const wrong: string[] = [];
  const told = new Map<string, string>();
  for (const [text] of await read("SELECT told FROM events ORDER BY recorded_at"))
    for (const { message, targets } of JSON.parse(String(text)) as ToldEvent[]) {
      const [target] = targets;
      const [, from, to] = CHANGED.exec(message) ?? [];
      const [, first] = BEGUN.exec(message) ?? [];
      if (!target || (to === undefined && first === undefined)) continue;
      const before = told.get(target.id);
      if (from !== undefined && before !== undefined && before !== from)
        wrong.push(`${target.type} ${target.name} was ${before}, then: ${message}`);
      told.set(target.id, to ?? first ?? "");
    }
  const states = ["runs", "submissions", "instances"].map((table) => read(`SELECT id, status FROM ${table}`));
  for (const [id, status] of (await Promise.all(states)).flat()) {
    const last = told.get(String(id));
    if (last !== undefined && last !== String(status).toUpperCase())
      wrong.push(`${id} is ${status}, told: ${last}`);
  }
  return wrong;
};

/** Of a file, whose rows come as arrays. */
export const readerOf =
  ({ $client }: Pick<Db, "$client">): Read =>
  async (sql) =>
    (await $client.execute(sql)).rows as unknown as readonly unknown[][];
