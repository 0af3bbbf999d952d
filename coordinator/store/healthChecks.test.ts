import { expect, test } from "bun:test";
import { openEngine } from "../testing/openEngine.ts";
import { writeAll } from "./db.ts";
import { deleteHealthChecks, insertHealthCheck, listHealthChecks } from "./healthChecks.ts";

const check = (instance_id: string, at: number) =>
  ({ instance_id, at, status: "warning", events: [{ status: "warning", message: "hot" }] }) as const;

test("no more than the newest thousand of an instance are kept", async () => {
  await using opened = await openEngine();
  const { db } = opened.engine;
  await writeAll(db, insertHealthCheck(db, { ...check("other", 1), events: [] }));
  await writeAll(
    db,
    Array.from({ length: 1_003 }, (_, at) =>
      insertHealthCheck(db, { ...check("one", at), events: [] }),
    ).flat(),
  );
  const rows = await listHealthChecks(db, ["one"], { limit: 2_000 });
  expect([rows.length, rows[0]?.at, rows.at(-1)?.at]).toEqual([1_000, 1_002, 3]);
  expect(await listHealthChecks(db, ["other"], { limit: 2 })).toHaveLength(1);
});

test("old ones go, but for the last: it tells how the instance is since then", async () => {
  await using opened = await openEngine();
  const { db } = opened.engine;
  for (const row of [check("one", 1), check("one", 2), check("one", 9), check("quiet", 1)])
    await writeAll(db, insertHealthCheck(db, { ...row, events: [...row.events] }));
  await writeAll(db, [deleteHealthChecks(db, 5)]);
  const left = async (id: string) => (await listHealthChecks(db, [id], { limit: 9 })).map(({ at }) => at);
  expect(await left("one")).toEqual([9]);
  expect(await left("quiet")).toEqual([1]);
  expect((await listHealthChecks(db, ["quiet"], { limit: 1 }))[0]?.events).toEqual([
    { status: "warning", message: "hot" },
  ]);
});
