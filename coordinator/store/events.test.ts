import { expect, test } from "bun:test";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { describeDatabases } from "../testing/databases.ts";
import { listTold } from "../testing/listTold.ts";
import { type Db, openStore, writeAll } from "./db.ts";
import { eventTeller, type NewEvent } from "./events.ts";
import { events, settings } from "./schema.ts";

const START = Date.UTC(2026, 0, 1);

describeDatabases("events", (open) => {
  const withStore = async (work: (db: Db, clock: FakeClock) => Promise<void>): Promise<void> => {
    await using database = await open();
    await using store = await openStore({ url: database.url });
    await work(store.db, new FakeClock(START));
  };

  const about = (type: "run" | "instance" | "job" | "user", name: string, within?: string): NewEvent => ({
    message: `${type} ${name}`,
    targets: [
      {
        type,
        id: `${type}-${name}`,
        name,
        projectId: type === "user" ? null : "p",
        ...(within && { within }),
      },
    ],
  });

  const rowsOf = (db: Db) => db.select().from(events).orderBy(events.recorded_at);

  test("what one transaction tells of one run is one row, under all that it belongs to", () =>
    withStore(async (db, clock) => {
      const tell = eventTeller(db, clock, { ttlS: 60 });
      await writeAll(
        db,
        tell([about("run", "a"), about("job", "a-0-0", "run-a"), about("instance", "h", "f")]),
      );
      const [row, ...others] = await rowsOf(db);
      expect(others).toEqual([]);
      expect(row).toMatchObject({
        recorded_at: START * 1000,
        project_id: "p",
        run_id: "run-a",
        instance_id: "instance-h",
        fleet_id: "f",
        user_id: null,
      });
      expect(await listTold(db)).toEqual([
        "[run a] run a",
        "[job a-0-0] job a-0-0",
        "[instance h] instance h",
      ]);
    }));

  test("what belongs elsewhere is in rows of its own, in order", () =>
    withStore(async (db, clock) => {
      const tell = eventTeller(db, clock, { ttlS: 60 });
      const told = [
        about("run", "a"),
        about("instance", "h"),
        about("instance", "i"),
        about("user", "u"),
        about("run", "b"),
      ];
      await writeAll(db, tell(told));
      const rows = await rowsOf(db);
      expect(
        rows.map(({ told: { length }, run_id, instance_id, user_id }) => [
          length,
          run_id,
          instance_id,
          user_id,
        ]),
      ).toEqual([
        [2, "run-a", "instance-h", null],
        [1, null, "instance-i", null],
        [1, null, null, "user-u"],
        [1, "run-b", null, null],
      ]);
      const times = rows.map((row) => row.recorded_at - START * 1000);
      expect(times).toEqual([0, 2, 3, 4]);
    }));

  test("each event has a later time than the one before, also where the clock stands still or goes back", () =>
    withStore(async (db, clock) => {
      const tell = eventTeller(db, clock, { ttlS: 60 });
      await writeAll(db, tell([about("run", "a"), about("run", "a")]));
      await writeAll(db, tell([about("run", "b")]));
      clock.advance(1);
      await writeAll(db, tell([about("run", "c")]));
      const back = eventTeller(db, new FakeClock(START - 60_000), { ttlS: 60 });
      await writeAll(db, back([about("run", "d")]));
      const rows = await rowsOf(db);
      expect(rows.map(({ recorded_at }) => recorded_at - START * 1000)).toEqual([0, 2, 1000, 1001]);
    }));

  test("where no events are kept, and where there are none, nothing is written", () =>
    withStore(async (db, clock) => {
      expect(eventTeller(db, clock, { ttlS: 0 })([about("run", "a")])).toEqual([]);
      expect(eventTeller(db, clock, { ttlS: 60 })([])).toEqual([]);
    }));

  test("of a transaction that fails nothing is told", () =>
    withStore(async (db, clock) => {
      const tell = eventTeller(db, clock, { ttlS: 60 });
      const same = { key: "k", value: "v" };
      const failing = writeAll(db, [
        db.insert(settings).values(same),
        ...tell([about("run", "a")]),
        db.insert(settings).values(same),
      ]);
      expect(failing).rejects.toThrow();
      await failing.catch(() => {});
      expect(await listTold(db)).toEqual([]);
    }));
});
