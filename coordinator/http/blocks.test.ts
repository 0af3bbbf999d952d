import { afterAll, beforeAll, expect, test } from "bun:test";
import { Fleet } from "../../shared/api/fleets.ts";
import { JoinToken, NewJoinToken } from "../../shared/api/joinTokens.ts";
import { RunPlan } from "../../shared/api/runs.ts";
import { AGENT_PROTOCOL, AGENT_PROTOCOL_HEADER } from "../../shared/protocol/version.ts";
import { anInventory } from "../testing/anInstance.ts";
import { newHostKey } from "../testing/hostKey.ts";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";
import { TestAgent } from "../testing/testAgent.ts";

const P = "/api/project/main";

let coordinator: TestCoordinator;

beforeAll(async () => {
  coordinator = await startTestCoordinator();
});
afterAll(() => coordinator[Symbol.asyncDispose]());

const gpus = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    vendor: "nvidia" as const,
    raw_name: "NVIDIA H100 80GB HBM3",
    id: `GPU-${index}`,
    index,
    memory_mib: 81_559,
  }));

/** A host of 16 CPUs, 128 GB and 8 GPUs joins with a token that says how it is divided. */
const join = async (fleet: string, blocks: number | "auto" | null, count = 8): Promise<TestAgent> => {
  const { body } = await coordinator.post(`${P}/fleets/tokens/create`, { fleet, blocks });
  const { token } = NewJoinToken.parse(body);
  const host = { url: coordinator.url, newJoinToken: async () => token };
  const inventory = { cpus: 16, memory_mib: 131_072, gpus: gpus(count) };
  return TestAgent.join(host, { fleet, inventory });
};

const instancesOf = async (name: string) =>
  Fleet.parse((await coordinator.post(`${P}/fleets/get`, { name })).body).instances;

const task = (name: string, fleet: string, gpu: number) => ({
  run_name: name,
  configuration: {
    type: "task",
    image: "busybox",
    commands: ["sleep 100"],
    fleets: [fleet],
    resources: { cpu: "1..", memory: "1GB..", disk: null, gpu },
  },
});

const offersFor = async (
  fleet: string,
  gpu: number,
  more: { for_offers_only?: boolean; full_offers?: boolean; unallocated_resources?: boolean } = {},
) => {
  const request = { run_spec: task("planned", fleet, gpu), ...more };
  const { body } = await coordinator.post(`${P}/runs/get_plan`, request);
  return RunPlan.parse(body).job_plans[0]?.offers ?? [];
};

const apply = (run_spec: unknown) =>
  coordinator.post(`${P}/runs/apply`, { plan: { run_spec, current_resource: null }, force: false });

test("a divided host shows its blocks, offers parts, and says how many of them are busy", async () => {
  const agent = await join("lab", "auto");
  expect(await instancesOf("lab")).toMatchObject([{ status: "idle", total_blocks: 8, busy_blocks: 0 }]);
  const [offer] = await offersFor("lab", 2);
  expect(offer).toMatchObject({ availability: "idle", blocks: 2, total_blocks: 8, price: 0 });
  expect(offer?.instance.resources).toMatchObject({ cpus: 4, memory_mib: 32_768 });
  expect(offer?.instance.resources.gpus).toHaveLength(2);
  await apply(task("six", "lab", 6));
  const submission = await agent.take();
  expect(await instancesOf("lab")).toMatchObject([{ status: "busy", total_blocks: 8, busy_blocks: 6 }]);
  expect((await offersFor("lab", 2)).map((one) => one.availability)).toEqual(["idle"]);
  expect((await offersFor("lab", 3)).map((one) => one.availability)).toEqual(["busy"]);
  expect((await offersFor("lab", 3, { for_offers_only: true })).map((one) => one.blocks)).toEqual([3]);
  const shown = async (gpu: number, more: Parameters<typeof offersFor>[2]) =>
    (await offersFor("lab", gpu, more)).map(({ blocks, availability }) => `${blocks} ${availability}`);
  expect(await shown(2, { full_offers: true })).toEqual(["8 busy"]);
  expect(await shown(2, { full_offers: true, unallocated_resources: true })).toEqual(["2 idle"]);
  expect(await shown(1, { unallocated_resources: true })).toEqual(["1 idle"]);
  expect(await shown(3, { unallocated_resources: true })).toEqual([]);
  const refused = await coordinator.post(`${P}/fleets/delete_instances`, { name: "lab", instance_nums: [0] });
  expect(refused.status).toBe(400);
  await agent.finished(submission, 0);
  expect(await instancesOf("lab")).toMatchObject([{ status: "idle", busy_blocks: 0 }]);
});

test("a whole host counts as one block", async () => {
  await join("whole", null);
  expect(await instancesOf("whole")).toMatchObject([{ total_blocks: 1, busy_blocks: 0 }]);
  expect(await offersFor("whole", 8)).toMatchObject([{ blocks: 1, total_blocks: 1 }]);
  expect(await offersFor("whole", 2)).toEqual([]);
});

test("a host that cannot be divided so is refused, and told why", async () => {
  await expect(join("odd", 5)).rejects.toThrow(
    "Cannot split into blocks: 16 CPUs and 8 GPUs are not divisible by 5",
  );
  await expect(join("odd", "auto", 6)).rejects.toThrow("Cannot split into blocks");
  expect(await instancesOf("odd")).toEqual([]);
});

test("tokens tell how they divide hosts", async () => {
  await coordinator.post(`${P}/fleets/tokens/create`, { fleet: "told", blocks: 4 });
  const { body } = await coordinator.post(`${P}/fleets/tokens/list`, { fleet: "told" });
  expect(JoinToken.array().parse(body)).toMatchObject([{ fleet: "told", blocks: 4 }]);
  for (const blocks of [0, -1, 1.5, "some"])
    expect((await coordinator.post(`${P}/fleets/tokens/create`, { fleet: "told", blocks })).status).toBe(422);
});

test("a host that joins again may be divided otherwise, but not under its job", async () => {
  const key = newHostKey();
  let at = Date.now();
  const enroll = async (blocks: number | null) => {
    const { body } = await coordinator.post(`${P}/fleets/tokens/create`, { fleet: "again", blocks });
    const { token } = NewJoinToken.parse(body);
    const request = {
      agent_version: "0.1.0",
      public_key: key.publicKey,
      boot_id: "boot",
      inventory: anInventory({ cpus: 16, memory_mib: 131_072, gpus: gpus(8), runtime: "docker" }),
      proof: { kind: "join", token, key: key.prove(at++) },
    };
    return coordinator.post("/api/agent/enroll", request, {
      headers: { [AGENT_PROTOCOL_HEADER]: String(AGENT_PROTOCOL) },
    });
  };
  const total = async () => (await instancesOf("again")).map((instance) => instance.total_blocks);
  expect((await enroll(null)).status).toBe(200);
  expect(await total()).toEqual([1]);
  expect((await enroll(4)).status).toBe(200);
  expect(await total()).toEqual([4]);
  expect((await enroll(null)).status).toBe(200);
  expect(await total()).toEqual([4]);
  expect((await enroll(5)).status).toBe(400);
  await apply(task("held", "again", 2));
  const refused = await enroll(2);
  expect(refused.status).toBe(409);
  expect(JSON.stringify(refused.body)).toContain("while it has a job");
  expect(await total()).toEqual([4]);
});
