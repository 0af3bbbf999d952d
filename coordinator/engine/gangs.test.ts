import { expect, test } from "bun:test";
import { waitFor } from "../../shared/testing/waitFor.ts";
import type { InstanceRow } from "../store/instances.ts";
import { anOffer } from "../testing/fakeBackend.ts";
import { type OpenedEngine, openEngine } from "../testing/openEngine.ts";
import { hostRow } from "../testing/testEngine.ts";
import { CLAIM_TIMEOUT_MS, STOP_GRACE_MS } from "./engineDeps.ts";
import { RESERVE_AFTER_MS } from "./scheduler.ts";

const RETRY = { retry: { on_events: ["no-capacity"], duration: "4h" } };

const runOf = (t: OpenedEngine, name: string) => t.engine.run(name);
const reaches = (t: OpenedEngine, name: string, status: string) =>
  waitFor(`${name} to be ${status}`, async () => (await runOf(t, name)).status === status);

const hosts = (t: OpenedEngine, count: number): Promise<InstanceRow[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => t.engine.addHost(hostRow(n))));

/** The host of each node, by rank. */
const placesOf = async (t: OpenedEngine, name: string, all: InstanceRow[]): Promise<InstanceRow[]> =>
  (await t.engine.submissions(name)).map((row) => {
    const host = all.find((one) => one.id === row.instance_id);
    if (!host) throw new Error(`Node ${row.job_num} of ${name} has no host`);
    return host;
  });

/** A task of two nodes, each on a host of its own, which has taken it. */
const startPair = async (t: OpenedEngine, name: string, configuration: Record<string, unknown>) => {
  const all = await hosts(t, 2);
  await t.engine.submit(name, configuration);
  const [master, worker] = await placesOf(t, name, all);
  if (!master || !worker) throw new Error("Two nodes were expected");
  const masterId = await t.engine.takeOne(master);
  return { master, worker, masterId, workerId: await t.engine.takeOne(worker) };
};

test("the nodes of a task get a host each, know each other, and end together", async () => {
  await using t = await openEngine();
  const all = await hosts(t, 3);
  await t.engine.submit("spread", { nodes: 3 });
  const places = await placesOf(t, "spread", all);
  expect(new Set(places).size).toBe(3);
  const ips = places.map((place) => place.inventory.addresses[0]?.split("/")[0]);
  const ids: string[] = [];
  for (const [rank, place] of places.entries()) {
    const [wish] = await t.engine.desired(place);
    expect(wish).toMatchObject({
      action: "run",
      assignment: {
        job_num: rank,
        env: {
          DSTACK_NODES_IPS: ips.join("\n"),
          DSTACK_MASTER_NODE_IP: ips[0],
          DSTACK_NODE_RANK: String(rank),
          DSTACK_NODES_NUM: "3",
        },
      },
    });
    ids.push(wish?.submission_id ?? "");
    await t.engine.running(place, wish?.submission_id ?? "");
  }
  expect((await runOf(t, "spread")).status).toBe("running");
  for (const [rank, place] of places.entries()) await t.engine.finished(place, ids[rank] ?? "", { exit: 0 });
  expect(await runOf(t, "spread")).toMatchObject({ status: "done", termination_reason: "all_jobs_done" });
});

test("without a host for every node none is taken: job 0 says why, the others are ended", async () => {
  await using t = await openEngine();
  const [host] = await hosts(t, 1);
  await t.engine.submit("spread", { nodes: 2 });
  expect((await runOf(t, "spread")).status).toBe("failed");
  expect((await t.engine.submissions("spread")).map((row) => row.termination_reason)).toEqual([
    "failed_to_start_due_to_no_capacity",
    "terminated_by_server",
  ]);
  expect(host && t.engine.capacity.get(host.id)?.occupants.size).toBe(0);
});

test("hosts of two fleets do not make one task", async () => {
  await using t = await openEngine();
  await hosts(t, 1);
  await t.engine.addHost({ ...hostRow(1), fleet_id: crypto.randomUUID() });
  await t.engine.submit("spread", { nodes: 2 });
  expect((await runOf(t, "spread")).status).toBe("failed");
});

test("a task of several nodes waits until there are enough hosts at once", async () => {
  await using t = await openEngine();
  await hosts(t, 1);
  await t.engine.submit("spread", { nodes: 2, ...RETRY });
  expect((await runOf(t, "spread")).status).toBe("pending");
  await t.engine.addHost(hostRow(1));
  await reaches(t, "spread", "provisioning");
  expect((await t.engine.submissions("spread")).filter((row) => row.instance_id !== null)).toHaveLength(2);
});

test("one that has waited for long keeps free hosts, and smaller ones do not pass it for ever", async () => {
  await using t = await openEngine();
  const [first] = await hosts(t, 2);
  await t.engine.submit("one");
  await t.engine.submit("two");
  const places = { one: (await t.engine.latest("one")).instance_id, two: first };
  await t.engine.submit("large", { nodes: 2, ...RETRY });
  t.clock.advance(1_000);
  await t.engine.submit("small", RETRY);
  for (const row of [await t.engine.latest("one"), await t.engine.latest("two")]) {
    const host = t.engine.capacity.get(row.instance_id ?? "")?.instance;
    if (host) await t.engine.sync(host, [row.id]);
  }
  t.clock.advance(RESERVE_AFTER_MS);
  const oneHost = t.engine.capacity.get(places.one ?? "")?.instance;
  if (oneHost) await t.engine.finished(oneHost, (await t.engine.latest("one")).id, { exit: 0 });
  // The small one would fit, but the large one is before it, and old.
  expect((await runOf(t, "small")).status).toBe("pending");
  await t.engine.submit("passing");
  expect((await runOf(t, "passing")).status).toBe("failed");
  const two = await t.engine.latest("two");
  const twoHost = t.engine.capacity.get(two.instance_id ?? "")?.instance;
  if (twoHost) await t.engine.finished(twoHost, two.id, { exit: 0 });
  await reaches(t, "large", "provisioning");
  expect((await runOf(t, "small")).status).toBe("pending");
});

test("a node that fails ends its siblings, and the run", async () => {
  await using t = await openEngine();
  const { master, worker, masterId, workerId } = await startPair(t, "spread", { nodes: 2 });
  await t.engine.running(master, masterId);
  await t.engine.finished(worker, workerId, { exit: 7 });
  expect(await t.engine.desired(master, [masterId])).toMatchObject([{ action: "stop" }]);
  await t.engine.finished(master, masterId, { exit: -1 });
  expect(await runOf(t, "spread")).toMatchObject({ status: "failed", termination_reason: "job_failed" });
  expect((await t.engine.submissions("spread")).map((row) => row.termination_reason)).toEqual([
    "terminated_by_server",
    "container_exited_with_error",
  ]);
});

test("an abort ends the patience with the siblings of a node that has failed", async () => {
  await using t = await openEngine();
  const { master, worker, masterId, workerId } = await startPair(t, "spread", {
    nodes: 2,
    stop_duration: "off",
  });
  await t.engine.running(master, masterId);
  await t.engine.finished(worker, workerId, { exit: 7 });
  const { id } = await runOf(t, "spread");
  // It is ending anyway.
  await t.engine.engine.stopRun(id, false);
  expect(await runOf(t, "spread")).toMatchObject({ termination_reason: "job_failed" });
  await t.engine.engine.stopRun(id, true);
  expect(await t.engine.desired(master, [masterId])).toMatchObject([{ action: "stop", grace_ms: 0 }]);
  await t.engine.finished(master, masterId, { exit: -1 });
  expect(await runOf(t, "spread")).toMatchObject({
    status: "terminated",
    termination_reason: "aborted_by_user",
  });
});

test("a node that never starts fails the task, and frees every host", async () => {
  await using t = await openEngine();
  const all = await hosts(t, 2);
  await t.engine.submit("spread", { nodes: 2 });
  const [master] = await placesOf(t, "spread", all);
  if (!master) throw new Error("A master was expected");
  const id = await t.engine.takeOne(master);
  await t.engine.running(master, id);
  t.clock.advance(CLAIM_TIMEOUT_MS);
  await reaches(t, "spread", "terminating");
  await t.engine.finished(master, id, { exit: -1 });
  expect(await runOf(t, "spread")).toMatchObject({ status: "failed", termination_reason: "job_failed" });
  expect((await t.engine.submissions("spread")).map((row) => row.termination_reason)).toEqual([
    "terminated_by_server",
    "instance_unreachable",
  ]);
  for (const host of all) expect(t.engine.capacity.get(host.id)?.occupants.size).toBe(0);
});

test("one node that is tried again takes all of them with it, after they have ended", async () => {
  await using t = await openEngine();
  const { master, worker, masterId, workerId } = await startPair(t, "spread", {
    nodes: 2,
    retry: { on_events: ["error"] },
  });
  await t.engine.running(master, masterId);
  await t.engine.finished(worker, workerId, { exit: 1 });
  expect((await runOf(t, "spread")).status).toBe("running");
  expect(await t.engine.desired(master, [masterId])).toEqual([
    { action: "stop", submission_id: masterId, grace_ms: STOP_GRACE_MS },
  ]);
  await t.engine.finished(master, masterId, { exit: -1 });
  expect(await runOf(t, "spread")).toMatchObject({ status: "pending", fleet_id: null });
  expect((await t.engine.submissions("spread"))[0]).toMatchObject({
    termination_reason: "terminated_by_server",
    termination_reason_message: "Run is to be resubmitted",
  });
  t.clock.advance(15_000);
  await reaches(t, "spread", "provisioning");
  expect((await t.engine.submissions("spread")).map((row) => [row.job_num, row.submission_num])).toEqual([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ]);
});

test.each([
  ["master-first", 0],
  ["workers-first", 1],
] as const)("with %s only node %d begins at first", async (order, rank) => {
  await using t = await openEngine();
  const all = await hosts(t, 2);
  await t.engine.submit("ordered", { nodes: 2, startup_order: order });
  const places = await placesOf(t, "ordered", all);
  const [first, second] = rank === 0 ? places : places.toReversed();
  if (!first || !second) throw new Error("Two nodes were expected");
  expect(await t.engine.desired(second)).toEqual([]);
  const id = await t.engine.takeOne(first);
  t.clock.advance(5_000);
  expect(await t.engine.desired(second)).toEqual([]);
  await t.engine.running(first, id);
  await t.engine.takeOne(second);
});

test.each([
  ["master-first", [0], [1, 2]],
  ["workers-first", [1, 2], [0]],
] as const)("with %s nodes %j run, all of them, before nodes %j begin", async (order, first, then) => {
  await using t = await openEngine();
  const all = await hosts(t, 3);
  await t.engine.submit("ordered", { nodes: 3, startup_order: order });
  const places = await placesOf(t, "ordered", all);
  const placeOf = (rank: number) => places[rank] ?? hostRow(9);
  for (const rank of first) {
    for (const later of then) expect(await t.engine.desired(placeOf(later))).toEqual([]);
    await t.engine.running(placeOf(rank), await t.engine.takeOne(placeOf(rank)));
  }
  for (const later of then) await t.engine.takeOne(placeOf(later));
});

test("with master-done the run ends with its master", async () => {
  await using t = await openEngine();
  const { master, worker, masterId, workerId } = await startPair(t, "led", {
    nodes: 2,
    stop_criteria: "master-done",
  });
  await t.engine.running(worker, workerId);
  await t.engine.finished(master, masterId, { exit: 0 });
  expect(await t.engine.desired(worker, [workerId])).toEqual([
    { action: "stop", submission_id: workerId, grace_ms: 0 },
  ]);
  await t.engine.finished(worker, workerId, { exit: -1 });
  expect(await runOf(t, "led")).toMatchObject({ status: "done", termination_reason: "all_jobs_done" });
});

test("references to nodes of other groups become their addresses", async () => {
  await using t = await openEngine();
  const all = await hosts(t, 3);
  const address = (group: number, node: number) => `\${{ groups[${group}].nodes[${node}].IP_ADDRESS }}`;
  const commands = [`echo ${address(0, 0)} ${address(1, 1)}`];
  const groups = [
    { name: "head", commands },
    { name: "workers", nodes: 2, commands },
  ];
  await t.engine.submit("grouped", { commands: [], groups });
  const places = await placesOf(t, "grouped", all);
  const [first, , third] = places.map((place) => place.inventory.addresses[0]?.split("/")[0]);
  for (const place of places) {
    const [wish] = await t.engine.desired(place);
    const argv = wish?.action === "run" ? wish.assignment?.argv : undefined;
    expect(argv?.at(-1)).toContain(`echo ${first} ${third}`);
  }
});

test("of several fleets that have the hosts, the nodes go to the cheapest", async () => {
  await using t = await openEngine();
  const hired = async (num: number, fleetId: string, price: number) => {
    const row = hostRow(num);
    const offer = anOffer({ price, backend: "remote", region: "remote" });
    await t.engine.addHost({ ...row, fleet_id: fleetId, made: { offer, data: null } });
  };
  const [dear, cheap] = [crypto.randomUUID(), crypto.randomUUID()];
  for (const num of [0, 1]) await hired(num, dear, 2);
  for (const num of [2, 3]) await hired(num, cheap, 1);
  await t.engine.submit("spread", { nodes: 2 });
  expect((await runOf(t, "spread")).fleet_id).toBe(cheap);
});
