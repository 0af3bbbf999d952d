import { describe, expect, test } from "bun:test";
import type { Instance } from "../../shared/api/fleets.ts";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";
import { TestAgent } from "../testing/testAgent.ts";

const P = "/api/project/main";

const specOf = (name: string) => ({
  run_name: name,
  configuration: {
    type: "task",
    image: "busybox",
    commands: ["true"],
    resources: { cpu: "1..", memory: "1GB..", disk: null },
  },
});

const submit = (coordinator: TestCoordinator, name: string) =>
  coordinator.post(`${P}/runs/apply`, {
    plan: { run_spec: specOf(name), current_resource: null },
    force: false,
  });

const offers = async (coordinator: TestCoordinator) => {
  const { body } = await coordinator.post(`${P}/runs/get_plan`, { run_spec: specOf("planned") });
  return (body as { job_plans: { offers: unknown[] }[] }).job_plans[0]?.offers.length;
};

const lab0 = async (coordinator: TestCoordinator) => {
  const { body } = await coordinator.post("/api/instances/list", { only_active: true });
  return (body as Instance[])[0];
};

test("an instance that is cordoned is not offered, and gets jobs again afterwards", async () => {
  await using coordinator = await startTestCoordinator();
  const agent = await TestAgent.join(coordinator);
  expect(await offers(coordinator)).toBe(1);
  const cordoned = await coordinator.post(`${P}/instances/cordon`, { name: "lab-0", reason: "new fans" });
  expect(cordoned.body).toMatchObject({ name: "lab-0", closed: "is cordoned by admin: new fans" });
  expect(await offers(coordinator)).toBe(0);
  await submit(coordinator, "waits");
  expect(await agent.sync()).toEqual([]);
  const run = await coordinator.post(`${P}/runs/get`, { run_name: "waits" });
  expect(run.body).toMatchObject({ status: "failed" });
  expect(JSON.stringify(run.body)).toContain("lab-0 is cordoned by admin: new fans");
  const open = await coordinator.post(`${P}/instances/uncordon`, { name: "lab-0" });
  expect(open.body).toMatchObject({ closed: null });
  expect(await offers(coordinator)).toBe(1);
});

describe("labels", () => {
  const label = (coordinator: TestCoordinator, labels: Record<string, unknown>, token?: string) =>
    coordinator.post(`${P}/instances/label`, { name: "lab-0", labels }, token === undefined ? {} : { token });

  test("that are changed later are selected by at once, and told of", async () => {
    await using coordinator = await startTestCoordinator();
    const agent = await TestAgent.join(coordinator);
    const { configuration } = specOf("racked");
    const run_spec = {
      run_name: "racked",
      configuration: {
        ...configuration,
        instances: ["rack=a1"],
        retry: { on_events: ["no-capacity"], duration: "1h" },
      },
    };
    const plan = { run_spec, current_resource: null };
    await coordinator.post(`${P}/runs/apply`, { plan, force: false });
    expect(await agent.sync()).toEqual([]);
    const labelled = await label(coordinator, { rack: "a1", row: "3" });
    expect(labelled.body).toMatchObject({ name: "lab-0", labels: { rack: "a1", row: "3" } });
    expect(await agent.take()).toBeString();
    await label(coordinator, { row: null, gpu: "new" });
    expect(await lab0(coordinator)).toMatchObject({ labels: { rack: "a1", gpu: "new" } });
    await label(coordinator, { rack: null, gpu: null });
    expect((await lab0(coordinator))?.labels).toBeUndefined();
    const { body } = await coordinator.post("/api/events/list", {});
    const told = (body as { message: string; actor_user: string | null }[])
      .filter(({ message }) => message.includes("labels"))
      .map(({ message, actor_user }) => `${actor_user}: ${message}`);
    expect(told).toEqual([
      "admin: Instance labels changed: gpu-,rack-",
      "admin: Instance labels changed: gpu=new,row-",
      "admin: Instance labels changed: rack=a1,row=3",
    ]);
  });

  test("of changes that come at once, none is lost", async () => {
    await using coordinator = await startTestCoordinator();
    await TestAgent.join(coordinator);
    await Promise.all([1, 2, 3, 4].map((n) => label(coordinator, { [`k${n}`]: "v" })));
    expect(await lab0(coordinator)).toMatchObject({ labels: { k1: "v", k2: "v", k3: "v", k4: "v" } });
  });

  test("are the managers' to change, few, and not what a host is by itself", async () => {
    await using coordinator = await startTestCoordinator();
    await TestAgent.join(coordinator);
    const user = await coordinator.addUser("ann", "user");
    expect((await label(coordinator, { a: "b" }, user)).status).toBe(403);
    const manager = await coordinator.addUser("max", "manager");
    expect((await label(coordinator, { a: "b" }, manager)).status).toBe(200);
    for (const wrong of [{ arch: "arm" }, { "a b": "c" }, { a: "b c" }, { a: 1 }])
      expect((await label(coordinator, wrong)).status).toBe(422);
    const many = Object.fromEntries(Array.from({ length: 32 }, (_, at) => [`k${at}`, "v"]));
    const refused = await label(coordinator, many);
    expect(refused.status).toBe(400);
    expect(JSON.stringify(refused.body)).toContain("more labels than an instance can have");
    expect(await lab0(coordinator)).toMatchObject({ labels: { a: "b" } });
  });
});

test("only members may, only what is there, and with reasons that can be shown", async () => {
  await using coordinator = await startTestCoordinator();
  await TestAgent.join(coordinator);
  const token = await coordinator.addUser("stranger");
  for (const call of ["cordon", "uncordon"]) {
    const path = `${P}/instances/${call}`;
    expect((await coordinator.post(path, { name: "lab-0" }, { token })).status).toBe(403);
    expect((await coordinator.post(path, { name: "lab-7" })).body).toEqual({
      detail: [{ msg: "Instance lab-7 does not exist", code: "resource_not_exists" }],
    });
    expect((await coordinator.post(path, {})).status).toBe(422);
  }
  const long = { name: "lab-0", reason: "x".repeat(201) };
  expect((await coordinator.post(`${P}/instances/cordon`, long)).status).toBe(422);
  expect(await lab0(coordinator)).toMatchObject({ closed: null });
});

test("a host that is drained gets no jobs until its agent says otherwise, and a cordon outweighs that", async () => {
  await using coordinator = await startTestCoordinator();
  const agent = await TestAgent.join(coordinator);
  agent.says = { draining: { since: 1, reason: "" } };
  await agent.sync();
  expect(await lab0(coordinator)).toMatchObject({ closed: "is being drained on the host" });
  expect(await offers(coordinator)).toBe(0);
  await coordinator.post(`${P}/instances/cordon`, { name: "lab-0" });
  expect(await lab0(coordinator)).toMatchObject({ closed: "is cordoned by admin" });
  agent.says = {};
  await agent.sync();
  expect(await offers(coordinator)).toBe(0);
  await coordinator.post(`${P}/instances/uncordon`, { name: "lab-0" });
  expect(await offers(coordinator)).toBe(1);
});

test("a host that leaves is no instance any more; while it has a job it may not, unless it insists", async () => {
  await using coordinator = await startTestCoordinator();
  const agent = await TestAgent.join(coordinator);
  await submit(coordinator, "bound");
  await agent.running(await agent.take());
  expect(agent.leave(false)).rejects.toThrow("has a running job");
  expect(await lab0(coordinator)).toMatchObject({ name: "lab-0", status: "busy" });
  await agent.leave(true);
  expect(await lab0(coordinator)).toBeUndefined();
  const run = await coordinator.post(`${P}/runs/get`, { run_name: "bound" });
  expect(run.body).toMatchObject({
    status: "failed",
    latest_job_submission: {
      termination_reason: "instance_unreachable",
      termination_reason_message: "The host has left its fleet",
    },
  });
  expect(agent.sync()).rejects.toThrow("401");
});
