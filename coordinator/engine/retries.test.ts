import { expect, test } from "bun:test";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { findInstance, type InstanceRow } from "../store/instances.ts";
import { patchRun } from "../store/runs.ts";
import { type OpenedEngine, openEngine } from "../testing/openEngine.ts";
import { hostRow } from "../testing/testEngine.ts";
import { DEFAULT_SILENCE_MS, patienceOf } from "./engineDeps.ts";

const { lostAfterMs: LOST_AFTER_MS, silenceMs: SILENCE_MS } = patienceOf(DEFAULT_SILENCE_MS);

const RETRY = { retry: { on_events: ["no-capacity"], duration: "4h" } };

const statusOf = async (t: OpenedEngine, name: string) => (await t.engine.run(name)).status;
const reaches = (t: OpenedEngine, name: string, status: string) =>
  waitFor(`${name} to be ${status}`, async () => (await statusOf(t, name)) === status);

/** Takes the one job of the host and ends it. */
const fail = async (t: OpenedEngine, host: InstanceRow, exit = 1) => {
  const id = await t.engine.takeOne(host);
  await t.engine.running(host, id);
  await t.engine.finished(host, id, { exit });
};

test("a run that finds no host waits, and goes to the first that joins", async () => {
  await using t = await openEngine();
  await t.engine.submit("patient", RETRY);
  expect(await t.engine.run("patient")).toMatchObject({ status: "pending", fleet_id: null });
  expect(await t.engine.latest("patient")).toMatchObject({
    status: "failed",
    termination_reason: "failed_to_start_due_to_no_capacity",
  });
  expect(t.engine.engine.positionOf((await t.engine.run("patient")).id)).toMatchObject({ position: 1 });
  await t.engine.addHost(hostRow(0));
  await reaches(t, "patient", "provisioning");
  expect(await t.engine.latest("patient")).toMatchObject({ submission_num: 1 });
  expect(t.engine.engine.positionOf((await t.engine.run("patient")).id)).toBeUndefined();
});

test("released capacity goes to the higher priority, then to the older run", async () => {
  await using t = await openEngine();
  const host = await t.engine.addHost(hostRow(0));
  await t.engine.submit("first");
  await t.engine.submit("old", RETRY);
  t.clock.advance(1_000);
  await t.engine.submit("young", RETRY);
  t.clock.advance(1_000);
  await t.engine.submit("urgent", { ...RETRY, priority: 50 });
  const ended: string[] = [];
  for (const name of ["first", "urgent", "old", "young"]) {
    await reaches(t, name, "provisioning");
    await fail(t, host, 0);
    ended.push(name);
    expect(await statusOf(t, name)).toBe("done");
  }
  expect(ended).toHaveLength(4);
});

test("a run that is not for retrying cannot take what is granted to one that waits", async () => {
  await using t = await openEngine();
  const host = await t.engine.addHost(hostRow(0));
  await t.engine.submit("first");
  await t.engine.submit("patient", RETRY);
  const id = await t.engine.takeOne(host);
  // The end of the first frees the host, and the next is submitted before anybody else does anything.
  await Promise.all([t.engine.finished(host, id, { exit: 0, sequence: 1 }), t.engine.submit("late")]);
  await reaches(t, "patient", "provisioning");
  expect(await statusOf(t, "late")).toBe("failed");
});

test("a run that waits too long for capacity reaches its limit", async () => {
  await using t = await openEngine();
  await t.engine.submit("patient", RETRY);
  t.clock.advance(4 * 3_600_000);
  expect(await statusOf(t, "patient")).toBe("pending");
  t.clock.advance(1);
  await reaches(t, "patient", "failed");
  expect((await t.engine.run("patient")).termination_reason).toBe("retry_limit_exceeded");
});

test("a run that waits can be stopped, and does not wait any more", async () => {
  await using t = await openEngine();
  await t.engine.submit("patient", RETRY);
  await t.engine.engine.stopRun((await t.engine.run("patient")).id, false);
  expect(await t.engine.run("patient")).toMatchObject({ status: "terminated" });
  const host = await t.engine.addHost(hostRow(0));
  expect(t.engine.capacity.get(host.id)?.occupants.size).toBe(0);
});

test("a failed job is tried again after a pause that grows, and its run is pending meanwhile", async () => {
  await using t = await openEngine();
  const host = await t.engine.addHost(hostRow(0));
  await t.engine.submit("flaky", { retry: { on_events: ["error"] } });
  for (const pause of [15_000, 30_000, 60_000]) {
    await fail(t, host);
    expect(await t.engine.run("flaky")).toMatchObject({ status: "pending", fleet_id: null });
    t.clock.advance(pause - 1);
    await t.engine.engine.withRun((await t.engine.run("flaky")).id, async () => {});
    expect(await statusOf(t, "flaky")).toBe("pending");
    t.clock.advance(1);
    await reaches(t, "flaky", "provisioning");
  }
  await fail(t, host, 0);
  expect(await statusOf(t, "flaky")).toBe("done");
  expect((await t.engine.submissions("flaky")).map((row) => row.submission_num)).toEqual([0, 1, 2, 3]);
});

test("every attempt is made from the run's specification as it is then", async () => {
  await using t = await openEngine();
  const host = await t.engine.addHost(hostRow(0));
  await t.engine.submit("flaky", { retry: { on_events: ["error"] }, env: { MODE: "old" } });
  await fail(t, host);
  const { id, spec } = await t.engine.run("flaky");
  const configuration = { ...spec.configuration, env: { MODE: "new" } };
  await t.engine.engine.withRun(id, (draft) =>
    draft.add({
      statements: [patchRun(t.engine.db, id, { spec: { ...spec, configuration } })],
      effects: [],
    }),
  );
  t.clock.advance(15_000);
  await reaches(t, "flaky", "provisioning");
  const [first, second] = await t.engine.submissions("flaky");
  expect([first?.job_spec.env, second?.job_spec.env]).toEqual([{ MODE: "old" }, { MODE: "new" }]);
  expect(second?.job_spec.job_name).toBe("flaky-0-0");
});

test("an event that is not listed ends the run", async () => {
  await using t = await openEngine();
  const host = await t.engine.addHost(hostRow(0));
  await t.engine.submit("once", RETRY);
  await fail(t, host);
  expect(await t.engine.run("once")).toMatchObject({ status: "failed", termination_reason: "job_failed" });
});

test("attempts that found no host are forgotten, but the last", async () => {
  await using t = await openEngine();
  const host = await t.engine.addHost(hostRow(0));
  await t.engine.submit("flaky", { retry: true });
  await fail(t, host);
  await t.engine.submit("other");
  t.clock.advance(15_000);
  await waitFor("the second attempt", async () => (await t.engine.latest("flaky")).submission_num === 1);
  await reaches(t, "flaky", "pending");
  await fail(t, host, 0);
  await reaches(t, "flaky", "provisioning");
  await fail(t, host);
  await t.engine.submit("another");
  const another = await t.engine.takeOne(host);
  await t.engine.running(host, another);
  t.clock.advance(30_000);
  await waitFor("the fourth attempt", async () => (await t.engine.latest("flaky")).submission_num === 3);
  await reaches(t, "flaky", "pending");
  await t.engine.finished(host, another, { exit: 0 });
  await reaches(t, "flaky", "provisioning");
  // Of 1 and 3, which found no host, 3 is the direct predecessor of the newest.
  expect((await t.engine.submissions("flaky")).map((row) => row.submission_num)).toEqual([0, 2, 3, 4]);
});

test("a job whose host is cut off goes on elsewhere, once its own host must have ended it", async () => {
  await using t = await openEngine();
  const host = await t.engine.addHost(hostRow(0));
  const other = await t.engine.addHost(hostRow(1));
  await t.engine.submit("moving", { retry: { on_events: ["interruption"] } });
  const [wish] = await t.engine.desired(host);
  expect(wish).toMatchObject({ assignment: { stop_if_silent_ms: SILENCE_MS } });
  const id = wish?.submission_id ?? "";
  await t.engine.running(host, id);
  await t.engine.sync(host, [id]);
  t.clock.advance(LOST_AFTER_MS - 1_000);
  await waitFor("the silence", async () => (await findInstance(t.engine.db, host.id))?.unreachable);
  await t.engine.sync(other);
  expect(await statusOf(t, "moving")).toBe("running");
  t.clock.advance(1_000);
  await reaches(t, "moving", "pending");
  expect(await t.engine.latest("moving")).toMatchObject({ termination_reason: "instance_unreachable" });
  t.clock.advance(15_000);
  await reaches(t, "moving", "provisioning");
  expect(await t.engine.latest("moving")).toMatchObject({ instance_id: other.id });
  // Back again, the host is told to forget what it had.
  expect(await t.engine.desired(host, [id])).toEqual([]);
  expect(await t.engine.finished(host, id, { exit: 0 })).toBe("fenced");
});

test("a host that has ended a job by its own clock says so, and the job is tried again", async () => {
  await using t = await openEngine();
  const host = await t.engine.addHost(hostRow(0));
  await t.engine.submit("cut", { retry: { on_events: ["interruption"] } });
  const id = await t.engine.takeOne(host);
  await t.engine.sync(host, [id]);
  await t.engine.endedByItself(host, id);
  expect(await t.engine.run("cut")).toMatchObject({ status: "pending" });
  expect(await t.engine.latest("cut")).toMatchObject({ termination_reason: "instance_unreachable" });
});

test("a coordinator that starts again has the queue as it was", async () => {
  await using t = await openEngine();
  await t.engine.submit("old", RETRY);
  t.clock.advance(1_000);
  await t.engine.submit("urgent", { ...RETRY, priority: 1 });
  await t.restart();
  expect(t.engine.engine.positionOf((await t.engine.run("urgent")).id)?.position).toBe(1);
  expect(t.engine.engine.positionOf((await t.engine.run("old")).id)?.position).toBe(2);
  await t.engine.addHost(hostRow(0));
  await reaches(t, "urgent", "provisioning");
  expect(await statusOf(t, "old")).toBe("pending");
});

test("a run that waits and gets another priority takes its new place", async () => {
  await using t = await openEngine();
  await t.engine.submit("old", RETRY);
  t.clock.advance(1_000);
  await t.engine.submit("young", RETRY);
  const { id } = await t.engine.run("young");
  expect(t.engine.engine.positionOf(id)?.position).toBe(2);
  await t.engine.engine.withRun(id, (draft) =>
    draft.add({ statements: [patchRun(t.engine.db, id, { priority: 10 })], effects: [] }),
  );
  expect(t.engine.engine.positionOf(id)?.position).toBe(1);
});
