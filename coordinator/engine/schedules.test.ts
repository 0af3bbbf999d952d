import { expect, test } from "bun:test";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { findInstance, type InstanceRow } from "../store/instances.ts";
import { type OpenedEngine, openEngine } from "../testing/openEngine.ts";
import { hostRow } from "../testing/testEngine.ts";

const HOUR_MS = 3_600_000;
const HOURLY = { schedule: { cron: "0 * * * *" } };

/** Time goes by, and the host is heard from shortly before. */
const advanceTo = async (t: OpenedEngine, host: InstanceRow, at: number, held: string[] = []) => {
  t.clock.advance(at - 1_000 - t.clock.now());
  await waitFor("no sweep to be under way", async () => {
    await t.engine.sync(host, held);
    return (await findInstance(t.engine.db, host.id))?.unreachable === false;
  });
  t.clock.advance(1_000);
};

const reaches = (t: OpenedEngine, name: string, status: string) =>
  waitFor(`${name} to be ${status}`, async () => (await t.engine.run(name)).status === status);

test("a run with a schedule waits without jobs, runs when it is due, and waits again", async () => {
  await using t = await openEngine();
  const host = await t.engine.addHost(hostRow(0));
  const start = t.clock.now();
  await t.engine.submit("hourly", HOURLY);
  expect(await t.engine.run("hourly")).toMatchObject({
    status: "pending",
    next_triggered_at: start + HOUR_MS,
  });
  expect(await t.engine.submissions("hourly")).toEqual([]);
  for (const round of [1, 2, 3]) {
    await advanceTo(t, host, start + round * HOUR_MS);
    await reaches(t, "hourly", "provisioning");
    expect(await t.engine.run("hourly")).toMatchObject({ next_triggered_at: null });
    const id = await t.engine.takeOne(host);
    // Failing does not end the schedule.
    await t.engine.finished(host, id, { exit: round === 2 ? 1 : 0, sequence: 1 });
    expect(await t.engine.run("hourly")).toMatchObject({
      status: "pending",
      next_triggered_at: start + (round + 1) * HOUR_MS,
      termination_reason: null,
      fleet_id: null,
    });
    expect(await t.engine.latest("hourly")).toMatchObject({ submission_num: round - 1 });
  }
});

test("what was due while the coordinator was down begins late, and once", async () => {
  await using t = await openEngine();
  await t.engine.addHost(hostRow(0));
  await t.engine.submit("hourly", HOURLY);
  const { clock } = t;
  await t.engine[Symbol.asyncDispose]();
  clock.advance(5.5 * HOUR_MS);
  await t.reopen();
  await reaches(t, "hourly", "provisioning");
  expect(await t.engine.submissions("hourly")).toHaveLength(1);
});

test("triggers during an execution are left out", async () => {
  await using t = await openEngine();
  const host = await t.engine.addHost(hostRow(0));
  const start = t.clock.now();
  await t.engine.submit("hourly", HOURLY);
  await advanceTo(t, host, start + HOUR_MS);
  await reaches(t, "hourly", "provisioning");
  const id = await t.engine.takeOne(host);
  await t.engine.running(host, id);
  await t.engine.sync(host, [id]);
  for (let minutes = 1; minutes <= 150; minutes++)
    await advanceTo(t, host, start + HOUR_MS + minutes * 60_000, [id]);
  await t.engine.finished(host, id, { exit: 0 });
  expect(await t.engine.run("hourly")).toMatchObject({ next_triggered_at: start + 4 * HOUR_MS });
});

test.each([false, true])("stopping it (abort: %p) ends it, also while it waits", async (abort) => {
  await using t = await openEngine();
  await t.engine.submit("hourly", HOURLY);
  await t.engine.engine.stopRun((await t.engine.run("hourly")).id, abort);
  expect(await t.engine.run("hourly")).toMatchObject({ status: "terminated" });
});

test.each([
  [false, 10_000],
  [true, 0],
])("stopping it while an execution is ending ends it for good (abort: %p)", async (abort, grace) => {
  await using t = await openEngine();
  const all = [await t.engine.addHost(hostRow(0)), await t.engine.addHost(hostRow(1))];
  await t.engine.submit("hourly", { ...HOURLY, nodes: 2 });
  t.clock.advance(HOUR_MS - 1_000);
  for (const host of all) await t.engine.sync(host);
  t.clock.advance(1_000);
  await reaches(t, "hourly", "provisioning");
  const [master, worker] = await t.engine.submissions("hourly");
  const hostOf = (id: string | null | undefined) => all.find((host) => host.id === id) ?? hostRow(9);
  const [first, second] = [hostOf(master?.instance_id), hostOf(worker?.instance_id)];
  const [masterId, workerId] = [await t.engine.takeOne(first), await t.engine.takeOne(second)];
  await t.engine.running(second, workerId);
  await t.engine.finished(first, masterId, { exit: 1 });
  const { id } = await t.engine.run("hourly");
  expect(await t.engine.run("hourly")).toMatchObject({
    status: "terminating",
    termination_reason: "job_failed",
  });
  await t.engine.engine.stopRun(id, abort);
  expect(await t.engine.desired(second, [workerId])).toMatchObject([{ action: "stop", grace_ms: grace }]);
  await t.engine.finished(second, workerId, { exit: -1 });
  expect(await t.engine.run("hourly")).toMatchObject({
    status: "terminated",
    termination_reason: abort ? "aborted_by_user" : "stopped_by_user",
    next_triggered_at: null,
  });
});

test("without capacity the execution fails, and the schedule goes on", async () => {
  await using t = await openEngine();
  const start = t.clock.now();
  await t.engine.submit("hourly", HOURLY);
  t.clock.advance(HOUR_MS);
  await waitFor(
    "the next",
    async () => (await t.engine.run("hourly")).next_triggered_at === start + 2 * HOUR_MS,
  );
  expect(await t.engine.latest("hourly")).toMatchObject({
    termination_reason: "failed_to_start_due_to_no_capacity",
  });
});
