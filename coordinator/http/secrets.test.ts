import { expect, test } from "bun:test";
import { startTestCoordinator } from "../testing/startTestCoordinator.ts";
import { TestAgent } from "../testing/testAgent.ts";

const P = "/api/project/main";
const aTask = (configuration: Record<string, unknown>) => ({
  plan: {
    run_spec: { run_name: "secretive", configuration: { type: "task", commands: ["env"], ...configuration } },
    current_resource: null,
  },
  force: false,
});

test("a secret is made, changed without a new id, shown only where it is asked for, and removed", async () => {
  await using coordinator = await startTestCoordinator();
  const first = await coordinator.post(`${P}/secrets/create_or_update`, { name: "token", value: "one" });
  expect(first).toMatchObject({ status: 200, body: { name: "token", value: "one" } });
  const second = await coordinator.post(`${P}/secrets/create_or_update`, { name: "token", value: "two" });
  expect(second.body).toEqual({ ...Object(first.body), value: "two" });
  expect((await coordinator.post(`${P}/secrets/list`)).body).toEqual([
    { ...Object(first.body), value: null },
  ]);
  expect((await coordinator.post(`${P}/secrets/get`, { name: "token" })).body).toEqual(second.body);
  const some = { secrets_names: ["token", "nobody"] };
  expect(await coordinator.post(`${P}/secrets/delete`, some)).toMatchObject({ status: 400 });
  expect((await coordinator.post(`${P}/secrets/list`)).body).toHaveLength(1);
  expect(await coordinator.post(`${P}/secrets/delete`, { secrets_names: ["token"] })).toMatchObject({
    status: 200,
    body: null,
  });
  expect((await coordinator.post(`${P}/secrets/list`)).body).toEqual([]);
});

test("names and values have bounds", async () => {
  await using coordinator = await startTestCoordinator();
  for (const [name, value] of [
    ["", "x"],
    ["a".repeat(201), "x"],
    ["no space", "x"],
    ["long", "x".repeat(5001)],
  ])
    expect(await coordinator.post(`${P}/secrets/create_or_update`, { name, value })).toMatchObject({
      status: 400,
    });
  expect((await coordinator.post(`${P}/secrets/list`)).body).toEqual([]);
});

test("a job gets the values as they are when it starts; runs and the database show none", async () => {
  await using coordinator = await startTestCoordinator();
  await coordinator.post(`${P}/secrets/create_or_update`, { name: "api-key", value: "s3cr3t $x" });
  await coordinator.post(`${P}/secrets/create_or_update`, { name: "api_key", value: "s3cr3t $x" });
  const agent = await TestAgent.join(coordinator, { fleet: "lab" });
  const env = { KEY: `a-\${{ secrets.api_key }}-b`, PLAIN: "$$x" };
  const run = await coordinator.post(`${P}/runs/apply`, aTask({ env }));
  expect(run.status).toBe(200);
  expect(JSON.stringify(run.body)).not.toContain("s3cr3t");
  const desired = await agent.sync();
  expect(desired).toMatchObject([{ assignment: { env: { KEY: "a-s3cr3t $x-b", PLAIN: "$x" } } }]);
});

test("a job whose secret is gone ends, and says which one", async () => {
  await using coordinator = await startTestCoordinator();
  const agent = await TestAgent.join(coordinator, { fleet: "lab" });
  await coordinator.post(`${P}/runs/apply`, aTask({ env: { KEY: `\${{ secrets.nobody }}` } }));
  expect(await agent.sync()).toEqual([]);
  const { body } = await coordinator.post(`${P}/runs/get`, { run_name: "secretive" });
  expect(body).toMatchObject({
    status: "failed",
    latest_job_submission: {
      status: "terminated",
      termination_reason: "terminated_by_server",
      termination_reason_message: "Cannot fill the variable KEY: Not known here: secrets.nobody",
    },
  });
});

test("secrets for a registry must be there when the run is planned", async () => {
  await using coordinator = await startTestCoordinator();
  const auth = { image: "private:1", registry_auth: { username: "u", password: `\${{ secrets.nobody }}` } };
  const { status, body } = await coordinator.post(`${P}/runs/apply`, aTask(auth));
  expect(status).toBe(400);
  expect(JSON.stringify(body)).toContain(
    "Cannot fill registry_auth password: Not known here: secrets.nobody",
  );
});
