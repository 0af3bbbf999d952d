import { describe, expect, test } from "bun:test";
import { AppError } from "../../shared/errors.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import type { MadeOffer } from "../store/madeInstance.ts";
import { anOffer, FakeBackend } from "../testing/fakeBackend.ts";
import { openCloud } from "../testing/openCloud.ts";

const MINUTE_MS = 60_000;
test("missing instances are made, join with their own token, and are idle", async () => {
  await using t = await openCloud({ nodes: 2 });
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

test("its silence begins when it joins, not while it is being made", async () => {
  await using t = await openCloud({ nodes: 1 });
  await t.becomes("provisioning");
  await t.advance(5 * MINUTE_MS);
  await t.join(0);
  const [host] = await t.all();
  expect(t.engine.agents.heardAt(host?.id ?? "")).toBe(t.clock.steady());
});

test("a token of one instance is good for that one, once", async () => {
  await using t = await openCloud({ nodes: 1 });
  await t.becomes("provisioning");
  await t.join(0);
  await expect(t.join(0)).rejects.toThrow("is not waited for any more");
  expect(await t.statuses()).toEqual(["idle"]);
});

describe("what no agent joins", () => {
  test("is ended, and made up for, after ten minutes", async () => {
    await using t = await openCloud({ nodes: 1 });
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
    await using t = await openCloud({ nodes: 1 });
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
    await using t = await openCloud({ nodes: 1 }, cloud);
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
    await using t = await openCloud({ nodes: 1, resources: { gpu: "H100:8" } });
    await t.becomes("terminated");
    expect((await t.all())[0]?.termination_reason_message).toBe("No backend has such an instance");
    expect(t.cloud.asked).toEqual([]);
  });

  test("is tried at 25 offers, and says three reasons at most, each shortened", async () => {
    const cloud = new FakeBackend();
    cloud.offers = Array.from({ length: 30 }, (_, n) => anOffer({ region: `region-${n}`, price: n }));
    const asked: string[] = [];
    cloud.make = ({ offer }) => {
      asked.push(offer.region);
      return Promise.reject(new AppError("unavailable", `${offer.region} is full `.padEnd(300, ".")));
    };
    await using t = await openCloud({ nodes: 1 }, cloud);
    await t.becomes("terminated");
    expect(asked).toEqual(Array.from({ length: 25 }, (_, n) => `region-${n}`));
    const told = (await t.all())[0]?.termination_reason_message?.split("; ") ?? [];
    expect(told.map((one) => one.length)).toEqual([200, 200, 200]);
    expect(told[0]).toStartWith("region-0 is full");
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
    await using t = await openCloud({ nodes: 1 }, cloud);
    await t.becomes("provisioning");
    expect(cloud.asked.map(({ offer }) => offer.region)).toEqual(["cheap", "dear"]);
    expect((await t.all())[0]?.made?.offer?.price).toBe(3);
  });
});

describe("idle instances", () => {
  test("above the least number go after their time; with a job they stay", async () => {
    await using t = await openCloud({ nodes: "1..3", idle_duration: "10m" });
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
    await using t = await openCloud({ nodes: "0..1", idle_duration: "10m" });
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
  await using t = await openCloud({ nodes: 1 }, cloud);
  await t.becomes("provisioning");
  await t.join(0);
  cloud.offers = [anOffer({ region: "us-east-1" })];
  await t.update({ nodes: 1, regions: ["us-east-1"] });
  await t.becomes("terminated", "provisioning");
  expect((await t.all())[0]?.termination_reason).toBe("fleet_spec_mismatch");
});

test("what cannot be ended stays, says why, and is tried again for as long as it takes", async () => {
  const cloud = new FakeBackend();
  await using t = await openCloud({ nodes: 1 }, cloud);
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

test("nothing is looked at over and over while a backend takes its time to end something", async () => {
  const cloud = new FakeBackend();
  await using t = await openCloud({ nodes: 1 }, cloud);
  await t.becomes("provisioning");
  cloud.endRefusal = "API is down";
  await t.update({ nodes: 0, regions: ["nowhere"] });
  await waitFor("the refusal", async () => (await t.all())[0]?.wake_at !== null);
  const { promise, resolve } = Promise.withResolvers<void>();
  cloud.end = () => promise;
  const [after, waits] = [t.clock.after.bind(t.clock), [] as number[]];
  t.clock.after = (ms, fire) => {
    waits.push(ms);
    return after(ms, fire);
  };
  for (let times = 0; times < 5; times++) await t.advance(MINUTE_MS);
  expect(waits.filter((ms) => ms <= 0)).toEqual([]);
  resolve();
  await t.becomes("terminated");
});

test("what a backend is about to be asked for is not forgotten when the fleet goes", async () => {
  const cloud = new FakeBackend();
  const { promise, resolve } = Promise.withResolvers<MadeOffer[]>();
  cloud.listOffers = () => promise;
  await using t = await openCloud({ nodes: 1 }, cloud);
  await t.becomes("pending");
  const { fleets } = t.engine;
  const fleet = await t.fleet();
  await fleets.withFleet(fleet.id, async () =>
    fleets.remove(fleet, await t.all(), { isWhole: true, actorId: undefined, inUse: () => undefined }),
  );
  expect(await t.statuses()).toEqual(["terminating"]);
  resolve(cloud.offers);
  await t.becomes("terminated");
  expect(cloud.asked).toHaveLength(1);
  expect(cloud.made.size).toBe(0);
});

test("what a backend has refused is not asked for again before that is known", async () => {
  const cloud = new FakeBackend();
  const { promise, reject } = Promise.withResolvers<string>();
  const asked: string[] = [];
  cloud.make = ({ id }) => {
    asked.push(id);
    return promise;
  };
  await using t = await openCloud({ nodes: 1 }, cloud);
  await waitFor("the question", () => asked.length === 1);
  const { fleets } = t.engine;
  const { id } = await t.fleet();
  const held = Promise.withResolvers<void>();
  const holding = fleets.withFleet(id, () => held.promise);
  // A look at the fleet that waits already when the refusal comes.
  fleets.wake(id);
  reject(new AppError("unavailable", "Quota exceeded"));
  held.resolve();
  await holding;
  await t.becomes("terminated");
  expect(asked).toHaveLength(1);
});

test("a talk with a backend that fails by itself, and not by a refusal, is begun anew", async () => {
  const cloud = new FakeBackend();
  const { make } = cloud;
  let failures = 0;
  cloud.make = () => {
    failures++;
    return Promise.reject(new Error("socket hang up"));
  };
  await using t = await openCloud({ nodes: 1 }, cloud);
  await waitFor("a failure", () => failures === 1);
  cloud.make = make;
  t.clock.advance(4_999);
  expect(await t.statuses()).toEqual(["pending"]);
  t.clock.advance(1);
  await t.becomes("provisioning");
});

test("a crash at any point of making and ending loses nothing", async () => {
  const cloud = new FakeBackend();
  await using t = await openCloud({ nodes: 1 }, cloud);
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
    await using t = await openCloud(cluster, cloud);
    await t.becomes("provisioning", "provisioning", "provisioning");
    expect((await t.fleet()).master_id).toBe((await t.all())[0]?.id ?? "");
    expect((await t.all()).map((row) => row.made?.offer?.region)).toEqual(["b", "b", "b"]);
  });

  test("that need not be there is given up with its master", async () => {
    const cloud = new FakeBackend();
    cloud.refusal = "Sold out";
    await using t = await openCloud({ placement: "cluster", nodes: { min: 0, target: 3, max: 3 } }, cloud);
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
  await using t = await openCloud({ nodes: "1..1" });
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
