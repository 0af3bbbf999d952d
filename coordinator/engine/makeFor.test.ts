import { describe, expect, test } from "bun:test";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { anOffer, FakeBackend } from "../testing/fakeBackend.ts";
import { openCloud } from "../testing/openCloud.ts";

type Cloud = Awaited<ReturnType<typeof openCloud>>;

const MINUTE_MS = 60_000;
const SMALL = { cpu: "1..", memory: "1GB..", disk: null };
const RETRY = { retry: { on_events: ["no-capacity"], duration: "4h" } };

const submit = (t: Cloud, name: string, more: Record<string, unknown> = {}) =>
  t.engine.submit(name, { resources: SMALL, ...more });
const statusOf = async (t: Cloud, name: string) => (await t.engine.run(name)).status;
const reaches = (t: Cloud, name: string, status: string) =>
  waitFor(`${name} to be ${status}`, async () => (await statusOf(t, name)) === status);
const hostOf = async (t: Cloud, num: number) => {
  const host = (await t.all())[num];
  if (!host) throw new Error(`There is no instance ${num}`);
  return host;
};

test("a job without a host gets an instance, begins when that has joined, and leaves it idle for a while", async () => {
  await using t = await openCloud({ nodes: "0..2" });
  await submit(t, "one");
  expect(await t.engine.run("one")).toMatchObject({ status: "provisioning", fleet_id: (await t.fleet()).id });
  expect(await t.engine.latest("one")).toMatchObject({ status: "provisioning", assigned_at: null });
  await t.becomes("provisioning");
  await t.join(0);
  await t.becomes("busy");
  const host = await hostOf(t, 0);
  await waitFor("the job to begin", async () => (await t.engine.latest("one")).assigned_at !== null);
  expect((await t.engine.latest("one")).provisioning_data).toMatchObject({
    backend: "aws",
    region: "eu-west-1",
    price: 1,
    instance_id: host.id,
  });
  const id = await t.engine.takeOne(host);
  await t.engine.running(host, id);
  await t.engine.finished(host, id, { exit: 0 });
  expect(await statusOf(t, "one")).toBe("done");
  await t.becomes("idle");
  await t.advance(5 * MINUTE_MS - 1);
  expect(await t.statuses()).toEqual(["idle"]);
  await t.advance(1);
  await t.becomes("terminated");
});

describe("the output of the last job", () => {
  /** An instance whose job has ended, with three bytes of output that are still there. */
  const ended = async () => {
    const t = await openCloud({ nodes: "0..2", idle_duration: "0s" });
    await submit(t, "one");
    await t.becomes("provisioning");
    await t.join(0);
    await waitFor("the job to begin", async () => (await t.engine.latest("one")).assigned_at !== null);
    const host = await hostOf(t, 0);
    const id = await t.engine.takeOne(host);
    await t.engine.finished(host, id, { exit: 0, logBytes: 3 });
    await t.becomes("idle");
    return { t, host, id };
  };

  test("keeps an instance that is to go at once", async () => {
    const { t, host, id } = await ended();
    await using _ = t;
    await t.advance(MINUTE_MS);
    expect(await t.statuses()).toEqual(["idle"]);
    const bytes = new TextEncoder().encode("bye");
    await t.engine.link.appendLog(host, id, { bytes, offset: 0, at: 0 });
    await t.becomes("terminated");
    expect(await t.engine.latest("one")).toMatchObject({ log_complete: true, log_bytes: 3 });
  });

  test("is not waited for when the instance is gone", async () => {
    const { t } = await ended();
    await using _ = t;
    await t.advance(20 * MINUTE_MS);
    await t.becomes("terminated");
    expect(await t.engine.latest("one")).toMatchObject({ log_complete: true, log_bytes: null });
  });
});

test.each([
  ["five minutes, where nothing is said", {}, {}, 300],
  ["as the run says", {}, { idle_duration: "1h" }, 3600],
  ["as the fleet says", { idle_duration: "1h" }, {}, 3600],
  ["the shorter of both", { idle_duration: "10m" }, { idle_duration: "1h" }, 600],
  ["off yields to a number", { idle_duration: "off" }, { idle_duration: "1h" }, 3600],
  ["for ever, where both say so", { idle_duration: "off" }, { idle_duration: "off" }, -1],
])("an instance that was made for a job is kept after it: %s", async (_, fleet, run, seconds) => {
  await using t = await openCloud({ nodes: "0..1", ...fleet });
  await submit(t, "one", run);
  expect((await hostOf(t, 0)).idle_duration_s).toBe(seconds);
});

test("one that the fleet itself asked for is kept for three days", async () => {
  await using t = await openCloud({ nodes: 1 });
  await t.becomes("provisioning");
  expect((await hostOf(t, 0)).idle_duration_s).toBe(3 * 86_400);
});

test("the next job takes the instance that is idle", async () => {
  await using t = await openCloud({ nodes: "0..2" });
  await submit(t, "one");
  await t.becomes("provisioning");
  await t.join(0);
  await t.becomes("busy");
  const host = await hostOf(t, 0);
  await waitFor("the job to begin", async () => (await t.engine.latest("one")).assigned_at !== null);
  await t.engine.finished(host, await t.engine.takeOne(host), { exit: 0 });
  await submit(t, "two", { idle_duration: "1h" });
  expect((await t.engine.latest("two")).instance_id).toBe(host.id);
  expect(await t.statuses()).toEqual(["busy"]);
});

test("an instance that was made for a job is divided as the fleet says, and the job has its part of it", async () => {
  await using t = await openCloud({ nodes: "0..1", blocks: 4 });
  await submit(t, "one");
  await t.becomes("provisioning");
  await t.join(0);
  await waitFor("the job to begin", async () => (await t.engine.latest("one")).assigned_at !== null);
  expect((await t.engine.latest("one")).share).toMatchObject({ blocks: 1, total: 4, cpus: 2 });
  await submit(t, "two");
  expect((await t.engine.latest("two")).instance_id).toBe((await t.engine.latest("one")).instance_id);
});

test("what a job does not need of the instance that was made for it goes to whoever waits", async () => {
  await using t = await openCloud({ nodes: "0..1", blocks: 2 });
  await submit(t, "one");
  await submit(t, "two", RETRY);
  await t.becomes("provisioning");
  expect(await statusOf(t, "two")).toBe("pending");
  await t.join(0);
  await reaches(t, "two", "provisioning");
});

describe("no instance is made", () => {
  test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ["where only what is there may be used", { nodes: "0..2" }, { creation_policy: "reuse" }],
    ["for a job that names instances", { nodes: "0..2" }, { instances: ["lab-0"] }],
    ["in a fleet that is not meant", { nodes: "0..2" }, { fleets: ["lab"] }],
    ["in a fleet that is full", { nodes: 0 }, {}],
    ["that fits the fleet, not the job", { nodes: "0..2" }, { resources: { ...SMALL, gpu: "H100:8" } }],
    ["that fits the job, not the fleet", { nodes: "0..2", resources: { gpu: "H100:8" } }, {}],
    ["for more than the run pays", { nodes: "0..2" }, { max_price: 0.5 }],
    ["of spot capacity that nobody asked for", { nodes: "0..2", spot_policy: "spot" }, {}],
    ["for several nodes outside of a cluster", { nodes: "0..2" }, { nodes: 2 }],
  ])("%s", async (_, fleet, job) => {
    await using t = await openCloud(fleet);
    await submit(t, "one", job);
    expect(await statusOf(t, "one")).toBe("failed");
    expect((await t.engine.submissions("one"))[0]?.termination_reason).toBe(
      "failed_to_start_due_to_no_capacity",
    );
    expect(t.cloud.asked).toEqual([]);
  });
});

test("the nodes of a task get an instance each, and begin when all of them have joined", async () => {
  await using t = await openCloud({ nodes: "0..2", placement: "cluster" });
  await submit(t, "spread", { nodes: 2 });
  await t.becomes("provisioning", "provisioning");
  await t.join(0, { addresses: ["10.0.0.1/24"] });
  await t.becomes("busy", "provisioning");
  expect((await t.engine.submissions("spread")).map((row) => row.assigned_at)).toEqual([null, null]);
  await t.join(1, { addresses: ["10.0.0.2/24"] });
  await waitFor("both to begin", async () =>
    (await t.engine.submissions("spread")).every((row) => row.assigned_at !== null),
  );
  const [wish] = await t.engine.desired(await hostOf(t, 1));
  expect(wish).toMatchObject({ assignment: { env: { DSTACK_NODES_IPS: "10.0.0.1\n10.0.0.2" } } });
});

describe("an instance that does not come", () => {
  test("because nobody gives it, is no capacity", async () => {
    const cloud = new FakeBackend();
    cloud.refusal = "Quota exceeded";
    await using t = await openCloud({ nodes: "0..2" }, cloud);
    await submit(t, "one");
    await reaches(t, "one", "failed");
    expect(await t.engine.latest("one")).toMatchObject({
      termination_reason: "failed_to_start_due_to_no_capacity",
      termination_reason_message: "No instance could be made: Quota exceeded",
    });
    await t.becomes("terminated");
  });

  test("is tried again with pauses by a run that waits for capacity", async () => {
    const cloud = new FakeBackend();
    cloud.refusal = "Quota exceeded";
    await using t = await openCloud({ nodes: "0..2" }, cloud);
    await submit(t, "one", RETRY);
    await reaches(t, "one", "pending");
    cloud.refusal = undefined;
    await t.advance(15_000);
    await reaches(t, "one", "provisioning");
    await t.join(1);
    await waitFor("the job to begin", async () => (await t.engine.latest("one")).assigned_at !== null);
  });

  test("in time, has taken too long", async () => {
    await using t = await openCloud({ nodes: "0..2" });
    await submit(t, "one");
    await t.becomes("provisioning");
    await t.advance(10 * MINUTE_MS);
    await reaches(t, "one", "failed");
    expect(await t.engine.latest("one")).toMatchObject({
      termination_reason: "waiting_instance_limit_exceeded",
      termination_reason_message: "burst-0 was ended: No agent has joined within 10 minutes",
    });
  });
});

test("a run that is stopped before its instance has come leaves none behind", async () => {
  await using t = await openCloud({ nodes: "0..2" });
  await submit(t, "one");
  await t.becomes("provisioning");
  await t.engine.engine.stopRun((await t.engine.run("one")).id, false);
  expect(await statusOf(t, "one")).toBe("terminated");
  await t.becomes("terminated");
  expect((await t.all())[0]?.termination_reason).toBe("job_finished");
  expect(t.cloud.made.size).toBe(0);
});

test("an instance that joins while its job is being stopped is idle afterwards, and goes when it is time", async () => {
  await using t = await openCloud({ nodes: "0..2" });
  await submit(t, "one");
  await t.becomes("provisioning");
  const { $client: client } = t.engine.db;
  const batch = client.batch.bind(client);
  const held = Promise.withResolvers<void>();
  client.batch = async (statements, mode) => {
    const isJoining = JSON.stringify(statements).includes('"public_key" = ?');
    if (isJoining) await held.promise;
    return batch(statements, mode);
  };
  const joining = t.join(0);
  await t.engine.engine.stopRun((await t.engine.run("one")).id, false);
  expect(await statusOf(t, "one")).toBe("terminated");
  held.resolve();
  await joining;
  expect(await t.statuses()).toEqual(["idle"]);
  expect(t.engine.capacity.get((await hostOf(t, 0)).id)?.instance).toMatchObject({
    status: "idle",
    idle_since: t.clock.now(),
  });
  await t.advance(5 * MINUTE_MS);
  await t.becomes("terminated");
});

test("the cheapest fleet makes it", async () => {
  const cloud = new FakeBackend();
  cloud.offers = [anOffer({ region: "dear", price: 3 }), anOffer({ region: "cheap", price: 2 })];
  await using t = await openCloud({ nodes: "0..2", regions: ["dear", "cheap"] }, cloud);
  await submit(t, "one", { regions: ["dear"] });
  await submit(t, "two");
  await t.becomes("provisioning", "provisioning");
  expect(cloud.asked.map(({ offer }) => offer.region)).toEqual(["dear", "cheap"]);
});

test("however many ask at once, no two instances have one number, and there are no more than may be", async () => {
  await using t = await openCloud({ nodes: "0..3" });
  const names = ["a", "b", "c", "d", "e"];
  await Promise.all(names.map((name) => submit(t, name)));
  await t.becomes("provisioning", "provisioning", "provisioning");
  expect((await t.all()).map(({ instance_num: num }) => num)).toEqual([0, 1, 2]);
  const statuses = await Promise.all(names.map((name) => statusOf(t, name)));
  expect(statuses.toSorted()).toEqual(["failed", "failed", "provisioning", "provisioning", "provisioning"]);
});

test("what waits for its instance outlives a restart", async () => {
  await using t = await openCloud({ nodes: "0..2" });
  await submit(t, "one");
  await t.becomes("provisioning");
  await t.restart();
  expect(await statusOf(t, "one")).toBe("provisioning");
  await t.join(0);
  await waitFor("the job to begin", async () => (await t.engine.latest("one")).assigned_at !== null);
  await t.becomes("busy");
});
