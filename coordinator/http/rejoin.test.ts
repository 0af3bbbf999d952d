/** Hosts that were removed, or lost what they knew, and join again: who they are then (docs/adr/0023), over HTTP. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Instance } from "../../shared/api/fleets.ts";
import { NewJoinToken } from "../../shared/api/joinTokens.ts";
import { systemClock } from "../../shared/clock.ts";
import type { Inventory } from "../../shared/protocol/inventory.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { BareHost } from "../testing/bareHost.ts";
import { type HostKey, newHostKey } from "../testing/hostKey.ts";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";

const P = "/api/project/main";

let coordinator: TestCoordinator;
/** Moves when a test says so: on a machine that is busy, a host that is there must not count as silent. */
let laterMs = 0;
let ticks = 0;
const start = Date.now();
const clock = {
  ...systemClock,
  // Each moment is another one: proofs are good once.
  now: () => start + laterMs + ticks++,
  steady: () => laterMs,
};

beforeAll(async () => {
  // How often is looked, by the machine's own time, goes with it.
  const env = { DSTACK_SERVER_HOST_SILENCE_SECONDS: "10" };
  coordinator = await startTestCoordinator(env, undefined, clock);
}, 60_000);
afterAll(() => coordinator[Symbol.asyncDispose]());

const tokenOf = async (fleet: string, more: Record<string, unknown> = {}): Promise<string> =>
  NewJoinToken.parse((await coordinator.post(`${P}/fleets/tokens/create`, { fleet, ...more })).body).token;

const MACHINE = "a".repeat(64);

const come = async (
  token: string,
  { key = newHostKey(), ...inventory }: Partial<Inventory> & { key?: HostKey } = {},
): Promise<BareHost> => {
  const host = new BareHost(coordinator, { key });
  Object.assign(host.inventory, { machine: MACHINE, hostname: "gpu-1" }, inventory);
  const { status, says } = await host.join(token, clock.now());
  if (status !== 200) throw new Error(says);
  await host.sync();
  return host;
};

const remove = ({ name }: BareHost) => coordinator.post(`${P}/instances/remove`, { name, force: true });

const instances = async (fleet: string): Promise<Instance[]> => {
  const { body } = await coordinator.post(`${P}/fleets/get`, { name: fleet });
  return (body as { instances: Instance[] }).instances;
};

const fallSilent = async (fleet: string): Promise<void> => {
  laterMs += 60_000;
  await waitFor("the silence", async () => (await instances(fleet))[0]?.unreachable === true);
};

/** What is told of an instance, the oldest first. */
const told = async ({ instanceId }: BareHost): Promise<string[]> => {
  const filter = { target_instances: [instanceId], ascending: true };
  return ((await coordinator.post("/api/events/list", filter)).body as { message: string }[]).map(
    ({ message }) => message,
  );
};

test("a host that was removed and installed anew has its number, its name and its history again", async () => {
  const token = await tokenOf("lab", { labels: { rack: "a1" } });
  const first = await come(token);
  await come(token, { machine: "b".repeat(64), hostname: "gpu-2" });
  await coordinator.post(`${P}/instances/label`, { name: first.name, labels: { trusted: "yes" } });
  const gpu = { vendor: "nvidia" as const, raw_name: "NVIDIA L4", id: "GPU-0", index: 0, memory_mib: 23_034 };
  const health = { status: "failure" as const, reason: "GPU is lost" };
  await first.sync({ inventory: { ...first.inventory, held_out_gpus: [{ ...gpu, health }] } });
  await remove(first);
  const again = await come(token);
  expect(again.name).toBe("lab-0");
  expect(again.instanceId).not.toBe(first.instanceId);
  expect((await first.sync()).status).toBe(401);
  const [lab0] = await instances("lab");
  // What somebody gave the host by hand is not for whoever says that it is this machine.
  expect(lab0).toMatchObject({ name: "lab-0", labels: { rack: "a1" }, status: "idle" });
  const history = await told(again);
  expect(history[0]).toBe("Instance created on host joining. Status: IDLE");
  expect(history).toContain("Instance labels changed: trusted=yes");
  expect(history.at(-1)).toBe(
    "Instance created on host joining again (the same machine with another key). Status: IDLE",
  );
  const { body } = await coordinator.post(`${P}/instances/get_instance_health_checks`, {
    fleet_name: "lab",
    instance_num: 0,
  });
  expect(JSON.stringify(body)).toContain("GPU is lost");
});

test("one that has its key still keeps its labels, too", async () => {
  const first = await come(await tokenOf("keys", { labels: { rack: "a1" } }));
  await coordinator.post(`${P}/instances/label`, { name: first.name, labels: { trusted: "yes" } });
  await remove(first);
  const again = await come(await tokenOf("keys"), { key: first.key, hostname: "renamed" });
  expect(again.name).toBe("keys-0");
  expect((await instances("keys"))[0]).toMatchObject({ labels: { rack: "a1", trusted: "yes" } });
  expect((await told(again)).at(-1)).toContain("(its key is the same)");
});

test("a silent one is taken up again, with its cordon; who comes back with the old key is told to join", async () => {
  const token = await tokenOf("wiped");
  const first = await come(token);
  await coordinator.post(`${P}/instances/cordon`, { name: first.name, reason: "bad fan" });
  await fallSilent("wiped");
  const again = await come(token);
  expect(again.name).toBe("wiped-0");
  expect(await instances("wiped")).toMatchObject([
    { name: "wiped-0", closed: "is cordoned by admin: bad fan" },
  ]);
  expect((await first.sync()).status).toBe(401);
  const proof = { kind: "key" as const, ...first.key.prove(clock.now()) };
  expect((await first.enroll(proof)).says).toContain("Join it again with a join token");
});

test("nobody gets the place of one that is there, or has a job, by whatever they say", async () => {
  const token = await tokenOf("live");
  const victim = await come(token);
  const thief = await come(token);
  expect(thief.name).toBe("live-1");
  expect((await victim.sync()).status).toBe(200);
  await remove(thief);
  const resources = { cpu: "1..", memory: "1GB..", disk: null };
  const configuration = { type: "task", image: "busybox", commands: ["true"], resources, fleets: ["live"] };
  const plan = { run_spec: { run_name: "bound", configuration }, current_resource: null };
  await coordinator.post(`${P}/runs/apply`, { plan, force: false });
  const { desired } = (await victim.sync()).body as { desired: { submission_id: string }[] };
  const held = desired.map(({ submission_id }) => ({ submission_id, state: "running" }));
  expect(held).toHaveLength(1);
  await victim.sync({ held });
  await fallSilent("live");
  // The number of the one that was removed is free; that of the silent one is not.
  expect((await come(token)).name).toBe("live-1");
  expect((await victim.sync({ held })).status).toBe(200);
});

test("another fleet, another machine, another name: another instance", async () => {
  const token = await tokenOf("places");
  await remove(await come(token));
  expect((await come(token, { machine: "c".repeat(64) })).name).toBe("places-1");
  expect((await come(token, { hostname: "gpu-9" })).name).toBe("places-2");
  expect((await come(token, { machine: null })).name).toBe("places-3");
  expect((await come(await tokenOf("elsewhere"))).name).toBe("elsewhere-0");
  expect((await come(token)).name).toBe("places-0");
});

test("a fleet that is full has room for one that takes its own place", async () => {
  const configuration = { type: "fleet", name: "small", nodes: "0..1" };
  const spec = { configuration, profile: { name: "default" } };
  const applied = await coordinator.post(`${P}/fleets/apply`, {
    plan: { spec, current_resource: null },
    force: false,
  });
  expect(applied.status).toBe(200);
  const token = await tokenOf("small");
  await come(token);
  await expect(come(token, { hostname: "gpu-2" })).rejects.toThrow("is full");
  await fallSilent("small");
  expect((await come(token)).name).toBe("small-0");
});
