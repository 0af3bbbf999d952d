import { expect, test } from "bun:test";
import { silentLogger } from "../../shared/log.ts";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { type Db, openStore, writeAll } from "../store/db.ts";
import { eventTeller } from "../store/events.ts";
import { fileDatabase } from "../testing/databases.ts";
import { listTold } from "../testing/listTold.ts";
import { purgeEvents } from "./eventPurge.ts";

const HOUR_S = 3600;

const tellOf = async (db: Db, clock: FakeClock, names: readonly string[]) => {
  const tell = eventTeller(db, clock, { ttlS: HOUR_S });
  const rows = names.map((name) =>
    tell([{ message: "told", targets: [{ type: "run", id: name, name, projectId: "p" }] }]),
  );
  await writeAll(db, rows.flat());
};

test("events go when their time is over, also many of them, and younger ones stay", async () => {
  await using database = await fileDatabase();
  await using store = await openStore({ url: database.url });
  const { db } = store;
  const clock = new FakeClock();
  await tellOf(
    db,
    clock,
    Array.from({ length: 1_200 }, (_, at) => `old-${at}`),
  );
  clock.advance((HOUR_S / 2) * 1000);
  await tellOf(db, clock, ["young"]);
  const purge = purgeEvents({ db, clock, log: silentLogger }, { ttlS: HOUR_S });
  clock.advance((HOUR_S / 2 - 60) * 1000);
  expect(await listTold(db)).toHaveLength(1_201);
  clock.advance(60_000);
  await waitFor("the old ones to go", async () => {
    if ((await listTold(db)).length === 1) return true;
    clock.advance(60_000);
    return false;
  });
  expect(await listTold(db)).toEqual(["[run young] told"]);
  await purge.close();
});

test("where events are not to be kept, those that are there go at the start", async () => {
  await using database = await fileDatabase();
  await using store = await openStore({ url: database.url });
  const { db } = store;
  const clock = new FakeClock();
  await tellOf(db, clock, ["a", "b"]);
  clock.advance(1);
  const purge = purgeEvents({ db, clock, log: silentLogger }, { ttlS: 0 });
  clock.advance(1);
  await waitFor("all to go", async () => (await listTold(db)).length === 0);
  await purge.close();
});
