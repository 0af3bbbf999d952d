import { expect, test } from "bun:test";
import type { Instance } from "../../shared/api/fleets.ts";
import { NewJoinToken } from "../../shared/api/joinTokens.ts";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";
import { TestAgent } from "../testing/testAgent.ts";

const P = "/api/project/main";

const instances = async (coordinator: TestCoordinator): Promise<Instance[]> => {
  const { body } = await coordinator.post("/api/instances/list", { only_active: true });
  return body as Instance[];
};

const remove = (coordinator: TestCoordinator, more: object = {}) =>
  coordinator.post(`${P}/instances/remove`, { name: "lab-0", ...more });

const submit = (coordinator: TestCoordinator) =>
  coordinator.post(`${P}/runs/apply`, {
    plan: {
      run_spec: {
        run_name: "there",
        configuration: {
          type: "task",
          image: "busybox",
          commands: ["true"],
          resources: { cpu: "1..", memory: "1GB..", disk: null },
        },
      },
      current_resource: null,
    },
    force: false,
  });

test("a host whose instance is removed is refused at once", async () => {
  await using coordinator = await startTestCoordinator();
  const agent = await TestAgent.join(coordinator);
  expect((await remove(coordinator)).status).toBe(200);
  expect(await instances(coordinator)).toEqual([]);
  expect(agent.sync()).rejects.toThrow("unauthenticated");
});

test("one with a job stays, unless it is forced: then the job is lost", async () => {
  await using coordinator = await startTestCoordinator();
  const agent = await TestAgent.join(coordinator);
  await submit(coordinator);
  await agent.running(await agent.take());
  for (const wish of [{}, { uninstall: true }])
    expect(JSON.stringify((await remove(coordinator, wish)).body)).toContain("lab-0 has a running job");
  expect((await remove(coordinator, { force: true })).status).toBe(200);
  const run = await coordinator.post(`${P}/runs/get`, { run_name: "there" });
  expect(run.body).toMatchObject({ status: "failed" });
});

test("a host that is to be uninstalled is told so, gets nothing new, and is there until it has left", async () => {
  await using coordinator = await startTestCoordinator();
  const agent = await TestAgent.join(coordinator);
  const waiting = agent.sync(20_000);
  await remove(coordinator, { uninstall: true });
  await waiting;
  expect(agent.lastLeave).toEqual({ force: false, uninstall: true });
  expect(await instances(coordinator)).toMatchObject([
    { name: "lab-0", closed: "is to leave its fleet and be uninstalled, as admin has asked" },
  ]);
  await remove(coordinator, { uninstall: true, force: true });
  await agent.sync();
  expect(agent.lastLeave).toEqual({ force: true, uninstall: true });
  await agent.leave(false);
  expect(await instances(coordinator)).toEqual([]);
});

test("users and strangers may not, managers may", async () => {
  await using coordinator = await startTestCoordinator();
  await TestAgent.join(coordinator);
  for (const role of [undefined, "user"] as const) {
    const token = await coordinator.addUser(`a-${role}`, role);
    const path = `${P}/instances/remove`;
    expect((await coordinator.post(path, { name: "lab-0" }, { token })).status).toBe(403);
  }
  const token = await coordinator.addUser("manager", "manager");
  expect((await coordinator.post(`${P}/instances/remove`, { name: "lab-0" }, { token })).status).toBe(200);
});

test("hosts have the labels of their token; those of a token without any stay", async () => {
  await using coordinator = await startTestCoordinator();
  const create = async (labels: Record<string, string> | null) =>
    NewJoinToken.parse((await coordinator.post(`${P}/fleets/tokens/create`, { fleet: "lab", labels })).body)
      .token;
  const join = (token: string) => TestAgent.join({ url: coordinator.url, newJoinToken: async () => token });
  await join(await create({ rack: "a1" }));
  await join(await create(null));
  const listed = (await instances(coordinator)).sort((a, b) => a.instance_num - b.instance_num);
  expect(listed.map(({ labels }) => labels)).toEqual([{ rack: "a1" }, undefined]);
  const { body } = await coordinator.post(`${P}/fleets/tokens/list`, {});
  expect((body as { labels: unknown }[]).map(({ labels }) => labels)).toContainEqual({ rack: "a1" });
  const wrong = { fleet: "lab", labels: { "a b": "c" } };
  expect((await coordinator.post(`${P}/fleets/tokens/create`, wrong)).status).toBe(422);
});
