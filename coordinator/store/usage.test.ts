import { expect, test } from "bun:test";
import { openEngine } from "../testing/openEngine.ts";
import { hostRow } from "../testing/testEngine.ts";
import { writeAll } from "./db.ts";
import { deletePoints, hostPoint, insertPoints, jobPoint, listHostPoints, listJobPoints } from "./usage.ts";

const HOUR = 3_600_000;

const points = (id: string, times: readonly number[]) => ({
  jobs: times.map((at) =>
    jobPoint(at, { submission_id: id, cpu_us: at, memory_bytes: 1, working_set_bytes: 1, gpus: [] }),
  ),
  hosts: times.map((at) =>
    hostPoint(id, at, { cpu_us: at, memory_bytes: 1, memory_total_bytes: 2, gpus: [] }),
  ),
});

test("points are listed newest first, from a moment, before a moment, and so many", async () => {
  await using opened = await openEngine();
  const { db } = opened.engine;
  const id = crypto.randomUUID();
  await writeAll(db, insertPoints(db, points(id, [3, 1, 2, 4])));
  const times = async (filter = {}) => (await listJobPoints(db, id, filter)).map(({ at }) => at);
  expect(await times()).toEqual([4, 3, 2, 1]);
  expect(await times({ after: 2, before: 4 })).toEqual([3, 2]);
  expect(await times({ limit: 1 })).toEqual([4]);
  expect((await listHostPoints(db, id, { limit: 3 })).map(({ at }) => at)).toEqual([4, 3, 2]);
});

test("deletePoints() takes an old half of what runs and of hosts, and of what has ended only what is older still", async () => {
  await using opened = await openEngine();
  const { engine } = opened;
  const { db } = engine;
  const hosts = [await engine.addHost(hostRow(0)), await engine.addHost(hostRow(1))];
  for (const name of ["ended", "runs"]) await engine.submit(name);
  const ids = new Map<string, string>();
  for (const host of hosts) {
    const id = await engine.takeOne(host);
    const name = (await engine.latest("runs")).id === id ? "runs" : "ended";
    ids.set(name, id);
    await engine.running(host, id);
    if (name === "ended") await engine.finished(host, id, { exit: 0 });
    await writeAll(db, insertPoints(db, points(id, [0, 5 * HOUR, 9 * HOUR])));
  }
  await writeAll(db, deletePoints(db, { live: 8 * HOUR, ended: 2 * HOUR }));
  const left = async (name: string) =>
    (await listJobPoints(db, ids.get(name) ?? "")).map(({ at }) => at / HOUR);
  expect(await left("ended")).toEqual([9, 5]);
  expect(await left("runs")).toEqual([9]);
  expect((await listHostPoints(db, ids.get("runs") ?? "")).map(({ at }) => at / HOUR)).toEqual([9]);
});
