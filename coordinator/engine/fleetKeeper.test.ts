import { describe, expect, test } from "bun:test";
import { FleetSpec } from "../../shared/api/fleets.ts";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { enrollInstance } from "../domain/instances/enroll.ts";
import { eventTeller } from "../store/events.ts";
import { type FleetRow, findFleet, insertFleet, patchFleet } from "../store/fleets.ts";
import { type InstanceFilter, listInstances } from "../store/instanceLists.ts";
import type { InstanceRow } from "../store/instances.ts";
import { anInventory } from "../testing/anInstance.ts";
import { anOffer, FakeBackend } from "../testing/fakeBackend.ts";
import { TestEngine } from "../testing/testEngine.ts";

const MINUTE_MS = 60_000;
const PROJECT_ID = "00000000-0000-4000-8000-000000000001";

const specOf = (configuration: Record<string, unknown>): FleetSpec =>
  FleetSpec.parse({
    configuration: { type: "fleet", name: "burst", ...configuration },
    profile: { name: "default" },
  });

/** An engine with a cloud, and one fleet there. */
const open = async (configuration: Record<string, unknown>, cloud = new FakeBackend()) => {
  const dir = tempDir();
  const clock = new FakeClock();
  const start = () => TestEngine.open(dir.path, clock, { backends: [cloud] });
  let engine = await start();
  const row: FleetRow = {
    id: crypto.randomUUID(),
    project_id: PROJECT_ID,
    name: "burst",
    spec: specOf(configuration),
    status: "active",
    attempts: 0,
    next_attempt_at: null,
    master_id: null,
    created_at: clock.now(),
    deleted: false,
  };
  await engine.fleets.withFleet(row.id, () => insertFleet(engine.db, row).then(() => undefined));
  const all = async (): Promise<InstanceRow[]> => {
    const filter: InstanceFilter = { projectIds: [PROJECT_ID], fleetIds: [row.id], onlyActive: false };
    const page = { prevTime: null, prevId: null, ascending: true, limit: 1_000 };
    return (await listInstances(engine.db, filter, page)).sort((a, b) => a.instance_num - b.instance_num);
  };
  const opened = {
    cloud,
    clock,
    all,
    get engine() {
      return engine;
    },
    fleet: async () => {
      const found = await findFleet(engine.db, row.id);
      if (!found) throw new Error("The fleet is gone");
      return found;
    },
    statuses: async () => (await all()).map(({ status }) => status),
    becomes: (...statuses: string[]) =>
      waitFor(
        `instances to be ${statuses}`,
        async () => (await opened.statuses()).join() === statuses.join(),
      ),
    /** The agent of an instance enrolls, with what the cloud was told. */
    join: async (num: number, inventory = {}) => {
      const instance = (await all())[num];
      const request = cloud.made.get(instance?.id ?? "");
      if (!request) throw new Error(`Instance ${num} was not made`);
      const body = {
        agent_version: "0.1.0",
        public_key: Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64"),
        boot_id: "boot",
        inventory: anInventory({ hostname: request.name, ...inventory }),
        proof: { kind: "join" as const, token: request.token },
      };
      return enrollInstance({ ...engine, clock, tell: eventTeller(engine.db, clock, { ttlS: 3600 }) }, body);
    },
    /** Time passes, and what the fleet was about to do is done. */
    advance: async (ms: number) => {
      clock.advance(ms);
      await engine.fleets.withFleet(row.id, async () => {});
    },
    update: (changed: Record<string, unknown>) =>
      engine.fleets.withFleet(row.id, async () => {
        await patchFleet(engine.db, row.id, { spec: specOf(changed), attempts: 0, next_attempt_at: null });
      }),
    restart: async () => {
      await engine[Symbol.asyncDispose]();
      engine = await start();
    },
    [Symbol.asyncDispose]: async () => {
      await engine[Symbol.asyncDispose]();
      dir[Symbol.dispose]();
    },
  };
  return opened;
};

test("missing instances are made, join with their own token, and are idle", async () => {
  await using t = await open({ nodes: 2 });
  await t.becomes("provisioning", "provisioning");
  expect(t.cloud.asked.map(({ name, url }) => [name, url])).toEqual([
    ["burst-0", "http://127.0.0.1"],
    ["burst-1", "http://127.0.0.1"],
  ]);
  const answer = await t.join(0, { cpus: 8 });
  expect(answer).toMatchObject({ instance_name: "burst-0", fleet_name: "burst" });
  await t.becomes("idle", "provisioning");
  const [first] = await t.all();
  expect(first).toMatchObject({
    inventory: { hostname: "burst-0" },
    idle_since: t.clock.now(),
    wake_at: null,
  });
  expect(t.engine.capacity.get(first?.id ?? "")?.instance.status).toBe("idle");
});

test("a token of one instance is good for that one, once", async () => {
  await using t = await open({ nodes: 1 });
  await t.becomes("provisioning");
  await t.join(0);
  await expect(t.join(0)).rejects.toThrow("is not waited for any more");
  expect(await t.statuses()).toEqual(["idle"]);
});

describe("what no agent joins", () => {
  test("is ended, and made up for, after ten minutes", async () => {
    await using t = await open({ nodes: 1 });
    await t.becomes("provisioning");
    await t.advance(10 * MINUTE_MS);
    await t.becomes("terminated", "provisioning");
    const [late] = await t.all();
    expect(late).toMatchObject({
      termination_reason: "provisioning_timeout",
      termination_reason_message: "No agent has joined within 10 minutes",
      deleted: true,
    });
    expect([...t.cloud.made.keys()]).toEqual([(await t.all())[1]?.id ?? ""]);
  });

  test("because it is gone, is ended as soon as that is known", async () => {
    await using t = await open({ nodes: 1 });
    await t.becomes("provisioning");
    t.cloud.made.clear();
    await t.advance(MINUTE_MS);
    await waitFor("the end of the first", async () => (await t.statuses())[0] === "terminated");
    expect((await t.all())[0]?.termination_reason).toBe("error");
  });
});

describe("what cannot be made", () => {
  test("is tried again after 1, 2, 5, 10 and then every 30 minutes, 15 times, until the fleet is changed", async () => {
    const cloud = new FakeBackend();
    cloud.refusal = "Quota exceeded";
    await using t = await open({ nodes: 1 }, cloud);
    const failed = async (count: number) => {
      await waitFor(`${count} tries`, async () => {
        const statuses = await t.statuses();
        return statuses.length === count && statuses.every((status) => status === "terminated");
      });
    };
    await failed(1);
    expect((await t.all())[0]).toMatchObject({
      termination_reason: "no_offers",
      termination_reason_message: "Quota exceeded",
    });
    let count = 1;
    for (const minutes of [1, 2, 5, 10, ...Array.from({ length: 10 }, () => 30)]) {
      await t.advance(minutes * MINUTE_MS - 1);
      expect(await t.statuses()).toHaveLength(count);
      await t.advance(1);
      await failed(++count);
    }
    expect((await t.fleet()).attempts).toBe(15);
    await t.advance(24 * 60 * MINUTE_MS);
    expect(await t.statuses()).toHaveLength(15);
    cloud.refusal = undefined;
    await t.update({ nodes: 1 });
    await waitFor("another try", async () => (await t.statuses())[15] === "provisioning");
    await t.join(15);
    await waitFor("the count to begin anew", async () => (await t.fleet()).attempts === 0);
  });

  test("for nothing fits, says so", async () => {
    await using t = await open({ nodes: 1, resources: { gpu: "H100:8" } });
    await t.becomes("terminated");
    expect((await t.all())[0]?.termination_reason_message).toBe("No backend has such an instance");
    expect(t.cloud.asked).toEqual([]);
  });

  test("at the cheapest offer is tried at the next", async () => {
    const cloud = new FakeBackend();
    const [dear, cheap] = [anOffer({ price: 3, region: "dear" }), anOffer({ price: 2, region: "cheap" })];
    cloud.offers = [dear, cheap];
    const { make } = cloud;
    cloud.make = (request) => {
      cloud.refusal = request.offer.region === "cheap" ? "Sold out" : undefined;
      return make(request);
    };
    await using t = await open({ nodes: 1 }, cloud);
    await t.becomes("provisioning");
    expect(cloud.asked.map(({ offer }) => offer.region)).toEqual(["cheap", "dear"]);
    expect((await t.all())[0]?.made?.offer?.price).toBe(3);
  });
});

describe("idle instances", () => {
  test("above the least number go after their time; with a job they stay", async () => {
    await using t = await open({ nodes: "1..3", idle_duration: "10m" });
    await t.becomes("provisioning");
    await t.join(0);
    const fleet = await t.fleet();
    await t.engine.fleets.withFleet(fleet.id, () => t.engine.fleets.make(fleet, 2));
    await t.becomes("idle", "provisioning", "provisioning");
    await t.join(1);
    await t.join(2);
    await t.becomes("idle", "idle", "idle");
    await t.engine.submit("one", {
      fleets: ["burst"],
      resources: { cpu: "1..", memory: "1GB..", disk: null },
    });
    const { instance_id: taken } = await t.engine.latest("one");
    const busyAt = (await t.all()).findIndex(({ id }) => id === taken);
    const host = (await t.all())[busyAt];
    if (!host) throw new Error("The job has no host");
    await t.engine.running(host, await t.engine.takeOne(host));
    await t.advance(10 * MINUTE_MS);
    await waitFor(
      "two to go",
      async () => (await t.statuses()).filter((one) => one === "terminated").length === 2,
    );
    expect((await t.statuses())[busyAt]).toBe("busy");
    expect((await t.all()).filter(({ deleted }) => deleted).map((row) => row.termination_reason)).toEqual([
      "idle_timeout",
      "idle_timeout",
    ]);
    expect(t.cloud.made.size).toBe(1);
  });

  test("count from the end of their last job", async () => {
    await using t = await open({ nodes: "0..1", idle_duration: "10m" });
    const fleet = await t.fleet();
    await t.engine.fleets.withFleet(fleet.id, () => t.engine.fleets.make(fleet, 1));
    await t.becomes("provisioning");
    await t.join(0);
    const [host] = await t.all();
    if (!host) throw new Error("There is no host");
    await t.engine.submit("one", {
      fleets: ["burst"],
      resources: { cpu: "1..", memory: "1GB..", disk: null },
    });
    const id = await t.engine.takeOne(host);
    await t.advance(9 * MINUTE_MS);
    await t.engine.finished(host, id, { exit: 0 });
    await t.advance(9 * MINUTE_MS);
    expect(await t.statuses()).toEqual(["idle"]);
    await t.advance(MINUTE_MS);
    await t.becomes("terminated");
  });
});

test("instances that a changed specification does not ask for go, and others come", async () => {
  const cloud = new FakeBackend();
  await using t = await open({ nodes: 1 }, cloud);
  await t.becomes("provisioning");
  await t.join(0);
  cloud.offers = [anOffer({ region: "us-east-1" })];
  await t.update({ nodes: 1, regions: ["us-east-1"] });
  await t.becomes("terminated", "provisioning");
  expect((await t.all())[0]?.termination_reason).toBe("fleet_spec_mismatch");
});

test("what cannot be ended stays, says why, and is tried again for as long as it takes", async () => {
  const cloud = new FakeBackend();
  await using t = await open({ nodes: 1 }, cloud);
  await t.becomes("provisioning");
  await t.join(0);
  cloud.endRefusal = "API is down";
  await t.update({ nodes: 0 });
  await t.advance(3 * 24 * 60 * MINUTE_MS);
  await t.becomes("terminating");
  await waitFor(
    "the reason",
    async () => (await t.all())[0]?.termination_reason_message === "Cannot be ended: API is down",
  );
  for (let tries = 0; tries < 40; tries++) {
    await t.advance(MINUTE_MS);
  }
  expect(await t.statuses()).toEqual(["terminating"]);
  cloud.endRefusal = undefined;
  await t.advance(MINUTE_MS);
  await t.becomes("terminated");
});

test("a crash at any point of making and ending loses nothing", async () => {
  const cloud = new FakeBackend();
  await using t = await open({ nodes: 1 }, cloud);
  await t.becomes("provisioning");
  await t.restart();
  expect(await t.statuses()).toEqual(["provisioning"]);
  await t.join(0);
  cloud.endRefusal = "API is down";
  await t.update({ nodes: 0, regions: ["nowhere"] });
  await t.becomes("terminating");
  cloud.endRefusal = undefined;
  await t.restart();
  await t.advance(MINUTE_MS);
  await t.becomes("terminated");
  expect(cloud.made.size).toBe(0);
});

describe("a cluster", () => {
  const cluster = { placement: "cluster", nodes: 3 };

  test("is made where its master is", async () => {
    const cloud = new FakeBackend();
    cloud.offers = [anOffer({ region: "a", price: 2 }), anOffer({ region: "b", price: 3 })];
    const { make } = cloud;
    cloud.make = async (request) => {
      // Where the first goes there is no cheaper place any more when the others follow.
      if (request.name === "burst-0" && request.offer.region === "a") cloud.refusal = "Sold out";
      const answer = make(request);
      cloud.refusal = undefined;
      return answer;
    };
    await using t = await open(cluster, cloud);
    await t.becomes("provisioning", "provisioning", "provisioning");
    expect((await t.fleet()).master_id).toBe((await t.all())[0]?.id ?? "");
    expect((await t.all()).map((row) => row.made?.offer?.region)).toEqual(["b", "b", "b"]);
  });

  test("that need not be there is given up with its master", async () => {
    const cloud = new FakeBackend();
    cloud.refusal = "Sold out";
    await using t = await open({ placement: "cluster", nodes: { min: 0, target: 3, max: 3 } }, cloud);
    const fleet = await t.fleet();
    await t.engine.fleets.withFleet(fleet.id, () => t.engine.fleets.make(fleet, 3));
    await t.becomes("terminated", "terminated", "terminated");
    expect((await t.all()).map((row) => row.termination_reason)).toEqual([
      "no_offers",
      "master_failed",
      "master_failed",
    ]);
    expect(cloud.asked).toHaveLength(1);
  });
});

test("an instance that is silent for 20 minutes is ended, and its job has lost its host", async () => {
  await using t = await open({ nodes: "1..1" });
  await t.becomes("provisioning");
  await t.join(0);
  const [host] = await t.all();
  if (!host) throw new Error("There is no host");
  await t.engine.submit("one", { fleets: ["burst"], resources: { cpu: "1..", memory: "1GB..", disk: null } });
  await t.engine.running(host, await t.engine.takeOne(host));
  await t.engine.engine.noteReachable(host.id, false);
  t.engine.capacity.update(host.id, { unreachable: true });
  await t.advance(21 * MINUTE_MS);
  await waitFor("the end of the instance", async () => (await t.statuses())[0] === "terminated");
  expect((await t.all())[0]?.termination_reason).toBe("unreachable");
  await waitFor("the end of the run", async () => (await t.engine.run("one")).status === "failed");
  expect(await t.engine.latest("one")).toMatchObject({
    termination_reason: "instance_unreachable",
    termination_reason_message: "burst-0 was ended: Silent for 20 minutes",
  });
});
