import { expect, test } from "bun:test";
import type { HealthChecks } from "../../shared/api/fleets.ts";
import type { GpuDevice } from "../../shared/protocol/inventory.ts";
import { anInventory } from "../testing/anInstance.ts";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";
import { TestAgent } from "../testing/testAgent.ts";

const PATH = "/api/project/main/instances/get_instance_health_checks";

const gpu = (index: number, health?: GpuDevice["health"]): GpuDevice => ({
  vendor: "nvidia",
  raw_name: "NVIDIA L4",
  id: `GPU-${index}`,
  index,
  memory_mib: 23_034,
  ...(health ? { health } : {}),
});
const hot = { status: "warning", reason: "It is hot" } as const;
const lost = { status: "failure", reason: "GPU is lost" } as const;

const checks = async (coordinator: TestCoordinator, more: object = {}) => {
  const { status, body } = await coordinator.post(PATH, { fleet_name: "lab", instance_num: 0, ...more });
  expect(status).toBe(200);
  return (body as HealthChecks).health_checks;
};

test("how an instance did: a check whenever it changed, the newest first", async () => {
  await using coordinator = await startTestCoordinator();
  const agent = await TestAgent.join(coordinator);
  const tell = (gpus: GpuDevice[], heldOut: GpuDevice[] = []) => {
    agent.says = { inventory: anInventory({ runtime: "docker", gpus, held_out_gpus: heldOut }) };
    return agent.sync();
  };
  expect(await checks(coordinator)).toEqual([
    { collected_at: expect.stringMatching(/Z$/), status: "healthy", events: [] },
  ]);
  await tell([gpu(0, hot), gpu(1)]);
  await tell([gpu(0, hot), gpu(1)]);
  await tell([], [gpu(0, lost), gpu(1, lost)]);
  await tell([gpu(0), gpu(1)]);
  const all = await checks(coordinator);
  expect(all.map(({ status }) => status)).toEqual(["healthy", "failure", "warning", "healthy"]);
  const [, failure, warning] = all;
  expect(warning?.events).toEqual([
    { timestamp: warning?.collected_at ?? "", status: "warning", message: "NVIDIA L4 at GPU-0: It is hot" },
  ]);
  expect(failure?.events.map(({ message }) => message)).toEqual([
    "NVIDIA L4 at GPU-0 is held out: GPU is lost",
    "NVIDIA L4 at GPU-1 is held out: GPU is lost",
  ]);
  expect(await checks(coordinator, { limit: 1 })).toEqual(all.slice(0, 1));
  expect(await checks(coordinator, { before: failure?.collected_at })).toEqual(all.slice(2));
  expect(await checks(coordinator, { after: warning?.collected_at })).toEqual(all.slice(0, 2));
  const { body } = await coordinator.post("/api/events/list", {});
  const told = (body as { message: string }[])
    .map(({ message }) => message)
    .filter((message) => message.includes("health"));
  expect(told.toReversed()).toEqual([
    "Instance health changed HEALTHY -> WARNING (NVIDIA L4 at GPU-0: It is hot)",
    "Instance health changed WARNING -> FAILURE (NVIDIA L4 at GPU-0 is held out: GPU is lost; NVIDIA L4 at GPU-1 is held out: GPU is lost)",
    "Instance health changed FAILURE -> HEALTHY",
  ]);
});

test("only members may ask, and only for what is or was there", async () => {
  await using coordinator = await startTestCoordinator();
  await TestAgent.join(coordinator);
  const token = await coordinator.addUser("stranger");
  const ask = (body: object, more = {}) => coordinator.post(PATH, body, more);
  expect((await ask({ fleet_name: "lab", instance_num: 0 }, { token })).status).toBe(403);
  for (const body of [
    { fleet_name: "lab", instance_num: 7 },
    { fleet_name: "other", instance_num: 0 },
  ])
    expect((await ask(body)).body).toMatchObject({ detail: [{ code: "resource_not_exists" }] });
  expect((await ask({ fleet_name: "lab" })).status).toBe(422);
});
