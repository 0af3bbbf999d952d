import { expect, test } from "bun:test";
import { waitFor } from "../../shared/testing/waitFor.ts";
import type { InstanceRow } from "../store/instances.ts";
import { findInstance } from "../store/instances.ts";
import { type OpenedEngine, openEngine } from "../testing/openEngine.ts";
import { hostRow } from "../testing/testEngine.ts";
import { RESERVE_AFTER_MS } from "./scheduler.ts";

const RETRY = { retry: { on_events: ["no-capacity"], duration: "4h" } };
const part = (gpus: number, more: Record<string, unknown> = {}) => ({
  resources: { cpu: "1..", memory: "1GB..", disk: null, gpu: gpus },
  ...more,
});

const gpu = (index: number) => ({
  vendor: "nvidia" as const,
  raw_name: "NVIDIA L4",
  id: `GPU-${index}`,
  index,
  memory_mib: 23_034,
});

/** A host of 8 CPUs, 32 GB and 4 GPUs, in four parts. */
const divided = (num: number, runtime: "docker" | "process" = "docker"): InstanceRow => {
  const row = hostRow(num, runtime);
  return { ...row, blocks: "auto", inventory: { ...row.inventory, gpus: [0, 1, 2, 3].map(gpu) } };
};

const statusOf = async (t: OpenedEngine, host: InstanceRow) =>
  (await findInstance(t.engine.db, host.id))?.status;
const gpusOf = async (t: OpenedEngine, name: string) => (await t.engine.latest(name)).share?.gpu_ids;
const statusOfRun = async (t: OpenedEngine, name: string) => (await t.engine.run(name)).status;

/** As the host sees it: all that it is to run, by name. */
const assignments = async (t: OpenedEngine, host: InstanceRow) =>
  new Map(
    (await t.engine.desired(host)).flatMap((wish) =>
      wish.action === "run" && wish.assignment ? [[wish.assignment.run_name, wish.assignment]] : [],
    ),
  );

test("jobs that ask for different vendors' devices share a host, and get those alone", async () => {
  await using t = await openEngine();
  const row = divided(0);
  const amd = [0, 1, 2, 3].map((index) => ({
    ...{ vendor: "amd" as const, raw_name: "AMD Instinct MI210", memory_mib: 65_520, driver_version: "6.14" },
    ...{ id: `/dev/dri/renderD${128 + index}`, index },
  }));
  const inventory = { ...row.inventory, gpus: [...row.inventory.gpus, ...amd] };
  const host = await t.engine.addHost({ ...row, inventory });
  const asking = (gpu: string) => ({
    image: "theirs",
    resources: { cpu: "1..", memory: "1GB..", disk: null, gpu },
  });
  await t.engine.submit("red", asking("MI210:2"));
  await t.engine.submit("green", asking("nvidia:1"));
  const given = await assignments(t, host);
  expect(given.get("red")).toMatchObject({
    cpus: 4,
    gpu_ids: ["/dev/dri/renderD128", "/dev/dri/renderD129"],
    env: { DSTACK_GPUS_PER_NODE: "2" },
  });
  expect(given.get("green")).toMatchObject({ cpus: 2, gpu_ids: ["GPU-0"] });
  const { provisioning_data: placed, runtime_data: data } = await t.engine.latest("red");
  expect(placed?.gpu_driver).toEqual({ vendor: "amd", version: "6.14" });
  expect(data?.offer?.instance.resources.gpus.map(({ name }) => name)).toEqual(["MI210", "MI210"]);
  await t.engine.submit("large", asking("nvidia:2"));
  expect(await statusOfRun(t, "large")).toBe("failed");
});

test("jobs share a host in parts, each with limits and devices of its own", async () => {
  await using t = await openEngine();
  const host = await t.engine.addHost(divided(0));
  await t.engine.submit("one", part(1));
  await t.engine.submit("two", part(2));
  const given = await assignments(t, host);
  expect(given.get("one")).toMatchObject({
    cpus: 2,
    memory_mib: 8192,
    gpu_ids: ["GPU-0"],
    network_mode: "bridge",
    env: { DSTACK_GPUS_PER_NODE: "1", DSTACK_GPUS_NUM: "1" },
  });
  expect(given.get("two")).toMatchObject({ cpus: 4, memory_mib: 16_384, gpu_ids: ["GPU-2", "GPU-3"] });
  const { runtime_data: data } = await t.engine.latest("two");
  expect(data).toMatchObject({
    network_mode: "bridge",
    gpu: 2,
    cpu: 4,
    memory: 16,
    offer: { blocks: 2, total_blocks: 4 },
  });
  expect(data?.offer?.instance.resources.gpus).toHaveLength(2);
  expect((await t.engine.latest("two")).provisioning_data?.instance_type.resources.gpus).toHaveLength(4);
  await t.engine.submit("three", part(2));
  expect(await statusOfRun(t, "three")).toBe("failed");
  expect((await t.engine.latest("three")).termination_reason_message).toBe(
    "Fleet is at capacity: lab-0 has 1 of 4 blocks free, 2 needed",
  );
});

test("a job that has all blocks is not limited, and has the network of its host", async () => {
  await using t = await openEngine();
  const host = await t.engine.addHost(divided(0));
  await t.engine.submit("all", part(4));
  const all = (await assignments(t, host)).get("all");
  expect(all).toMatchObject({ cpus: null, memory_mib: null, network_mode: "host" });
  expect(all?.gpu_ids).toHaveLength(4);
  expect((await t.engine.latest("all")).runtime_data).toMatchObject({
    gpu: null,
    cpu: null,
    memory: null,
    ports: {},
  });
});

test("without containers a part has the network of its host all the same", async () => {
  await using t = await openEngine();
  const host = await t.engine.addHost(divided(0, "process"));
  await t.engine.submit("one", part(1));
  expect((await assignments(t, host)).get("one")?.network_mode).toBe("host");
});

test("a host is busy until the last job has left it, and its part is free at once", async () => {
  await using t = await openEngine();
  const host = await t.engine.addHost(divided(0));
  await t.engine.submit("one", part(1));
  await t.engine.submit("three", part(3));
  expect(await statusOf(t, host)).toBe("busy");
  await t.engine.submit("next", part(3, RETRY));
  expect(await statusOfRun(t, "next")).toBe("pending");
  await t.engine.finished(host, (await t.engine.latest("three")).id, { exit: 0 });
  await waitFor("the part to be taken", async () => (await statusOfRun(t, "next")) === "provisioning");
  expect(await statusOf(t, host)).toBe("busy");
  await t.engine.finished(host, (await t.engine.latest("one")).id, { exit: 0 });
  expect(await statusOf(t, host)).toBe("busy");
  await t.engine.finished(host, (await t.engine.latest("next")).id, { exit: 0 });
  expect(await statusOf(t, host)).toBe("idle");
  expect(t.engine.capacity.get(host.id)?.instance.status).toBe("idle");
});

test("after a restart the same devices are whose they were", async () => {
  await using t = await openEngine();
  const host = await t.engine.addHost(divided(0));
  await t.engine.submit("one", part(1));
  await t.engine.submit("two", part(1));
  await t.engine.finished(host, (await t.engine.latest("one")).id, { exit: 0 });
  await t.restart();
  expect((await assignments(t, host)).get("two")?.gpu_ids).toEqual(["GPU-1"]);
  await t.engine.submit("three", part(1));
  await t.engine.submit("four", part(2));
  expect(await gpusOf(t, "three")).toEqual(["GPU-0"]);
  expect(await gpusOf(t, "four")).toEqual(["GPU-2", "GPU-3"]);
  await t.engine.submit("five", part(1));
  expect(await statusOfRun(t, "five")).toBe("failed");
});

test("a job takes the fullest host that has room, so that whole hosts stay free", async () => {
  await using t = await openEngine();
  const hosts = [
    await t.engine.addHost(divided(0)),
    await t.engine.addHost({ ...divided(1), created_at: 1 }),
  ];
  await t.engine.submit("one", part(1));
  await t.engine.submit("two", part(2));
  await t.engine.submit("three", part(2));
  const places = await Promise.all(
    ["one", "two", "three"].map(async (name) => (await t.engine.latest(name)).instance_id),
  );
  expect(places).toEqual([hosts[0]?.id ?? "", hosts[0]?.id ?? "", hosts[1]?.id ?? ""]);
});

test("a node of several takes all blocks of a host that is free", async () => {
  await using t = await openEngine();
  await t.engine.addHost(divided(0));
  await t.engine.addHost(divided(1));
  await t.engine.submit("one", part(1));
  const nodes = part(4, { nodes: 2, ...RETRY });
  await t.engine.submit("spread", nodes);
  expect(await statusOfRun(t, "spread")).toBe("pending");
  await t.engine.addHost(divided(2));
  await waitFor("the nodes to be placed", async () => (await statusOfRun(t, "spread")) === "provisioning");
  const places = (await t.engine.submissions("spread")).filter((row) => row.instance_id !== null);
  expect(places.map((row) => row.share)).toMatchObject([
    { blocks: 4, total: 4, cpus: null },
    { blocks: 4, total: 4, cpus: null },
  ]);
  await t.engine.submit("small", part(2));
  expect((await t.engine.latest("small")).instance_id).toBe((await t.engine.latest("one")).instance_id);
});

test("a large job that has waited for long keeps a host for itself, and small ones do not pass it for ever", async () => {
  await using t = await openEngine();
  const host = await t.engine.addHost(divided(0));
  await t.engine.submit("one", part(1));
  await t.engine.submit("two", part(1));
  for (const name of ["one", "two"]) await t.engine.running(host, (await t.engine.latest(name)).id);
  await t.engine.submit("large", part(4, RETRY));
  await t.engine.submit("passing", part(1));
  expect(await statusOfRun(t, "passing")).toBe("provisioning");
  await t.engine.running(host, (await t.engine.latest("passing")).id);
  t.clock.advance(RESERVE_AFTER_MS + 1);
  await t.engine.submit("small", part(1, RETRY));
  expect(await statusOfRun(t, "small")).toBe("pending");
  expect(t.engine.engine.positionOf((await t.engine.run("small")).id)?.reason).toBe(
    "Fleet is at capacity: the hosts that are free are kept for a run that came before",
  );
  for (const name of ["one", "two", "passing"])
    await t.engine.finished(host, (await t.engine.latest(name)).id, { exit: 0 });
  await waitFor("the large one", async () => (await statusOfRun(t, "large")) === "provisioning");
  expect(await statusOfRun(t, "small")).toBe("pending");
});

test("a host that cannot be divided any more gets no new jobs, and says why", async () => {
  await using t = await openEngine();
  const host = await t.engine.addHost(divided(0));
  await t.engine.submit("one", part(1));
  const inventory = { ...host.inventory, cpus: 7 };
  const row = { ...host, inventory, status: "busy" as const };
  t.engine.engine.updateInstance(host.id, { inventory: row.inventory });
  await t.engine.submit("two", part(1));
  expect((await t.engine.latest("two")).termination_reason_message).toBe(
    "Fleet is at capacity: lab-0 is not used: Cannot split into blocks: 7 CPUs and 4 GPUs are not divisible by 4",
  );
  await t.engine.finished(host, (await t.engine.latest("one")).id, { exit: 0 });
  expect(await statusOfRun(t, "one")).toBe("done");
});

// docs/spec/lifecycle.md §9.5: what the reference gets wrong with divided hosts.
test("a divided host that is on its way out takes nothing, however many blocks are free", async () => {
  await using t = await openEngine();
  const host = await t.engine.addHost(divided(0));
  t.engine.engine.updateInstance(host.id, { status: "terminating" });
  await t.engine.submit("one", part(1));
  expect(await statusOfRun(t, "one")).toBe("failed");
});

test("a part of an ARM host is ARM", async () => {
  await using t = await openEngine();
  const row = divided(0);
  await t.engine.addHost({ ...row, inventory: { ...row.inventory, arch: "arm" } });
  const resources = { cpu: "arm:1..", memory: "1GB..", disk: null, gpu: 1 };
  await t.engine.submit("one", { resources, image: "busybox" });
  expect(await statusOfRun(t, "one")).toBe("provisioning");
  expect((await t.engine.latest("one")).runtime_data?.offer?.instance.resources.cpu_arch).toBe("arm");
});
