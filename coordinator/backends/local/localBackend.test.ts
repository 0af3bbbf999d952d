import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Fleet } from "../../../shared/api/fleets.ts";
import { Run } from "../../../shared/api/runs.ts";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import { startCoordinator } from "../../main.ts";
import { listProcessesOf } from "./localProcess.ts";

const P = "/api/project/main";
const TOKEN = "admin-token-of-the-tests";
const AGENT = resolve(import.meta.dir, "../../../agent/main.ts");
const PATIENCE = 30_000;

let dir: ReturnType<typeof tempDir>;
let coordinator: Awaited<ReturnType<typeof startCoordinator>>;

/** `port`: where agents that are there look for it. */
const start = async (port = "0") => {
  const program = join(dir.path, "agent");
  writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${AGENT}" "$@"\n`);
  chmodSync(program, 0o755);
  coordinator = await startCoordinator({
    env: {
      ...process.env,
      DSTACK_SERVER_DIR: dir.path,
      DSTACK_SERVER_PORT: port,
      DSTACK_SERVER_LOG_LEVEL: "error",
      DSTACK_SERVER_ADMIN_TOKEN: TOKEN,
      DSTACK_SERVER_LOCAL_INSTANCES: "3",
      DSTACK_SERVER_LOCAL_AGENT: program,
    },
  });
};

beforeEach(async () => {
  dir = tempDir();
  await start();
});

afterEach(async () => {
  for (const name of (await fleets()).map((fleet) => fleet.name))
    await post("/fleets/delete", { names: [name] });
  await waitFor("all instances to end", () => present().length === 0, PATIENCE);
  await coordinator.stop();
  dir[Symbol.dispose]();
});

const post = async (path: string, body: unknown): Promise<{ status: number; body: unknown }> => {
  const response = await fetch(`${coordinator.url}${P}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
};

const folder = () => join(dir.path, "local");
const present = () => (existsSync(folder()) ? readdirSync(folder()) : []);

const fleets = async () => Fleet.array().parse((await post("/fleets/list", {})).body);

const apply = (configuration: Record<string, unknown>) => {
  const spec = {
    configuration: { type: "fleet", name: "near", ...configuration },
    configuration_path: null,
    profile: { name: "default" },
  };
  return post("/fleets/apply", { plan: { spec, current_resource: null }, force: true });
};

const instances = async () => Fleet.parse((await post("/fleets/get", { name: "near" })).body).instances;

const become = (...statuses: string[]) =>
  waitFor(
    `instances to be ${statuses}`,
    async () => (await instances()).map(({ status }) => status).join() === statuses.join(),
    PATIENCE,
  );

const submit = async (run_name: string, command: string) => {
  const resources = { cpu: "1..", memory: "0.1GB..", disk: null };
  const configuration = { type: "task", commands: [command], fleets: ["near"], resources };
  await post("/runs/apply", {
    plan: { run_spec: { run_name, configuration }, current_resource: null },
    force: false,
  });
};

const run = async (run_name: string) => Run.parse((await post("/runs/get", { run_name })).body);

const reach = (name: string, status: string) =>
  waitFor(`${name} to be ${status}`, async () => (await run(name)).status === status, PATIENCE);

test("a fleet of processes is made, runs jobs, shrinks when it is idle, and leaves nothing behind", async () => {
  expect((await apply({ nodes: { min: 1, target: 2, max: 3 }, idle_duration: "1s" })).status).toBe(200);
  await waitFor(
    "an instance that is idle",
    async () => (await instances()).some(({ status }) => status === "idle"),
    PATIENCE,
  );
  expect((await instances())[0]).toMatchObject({
    backend: "remote",
    region: "local",
    price: 0,
    name: "near-0",
  });
  // The second was there for the beginning only.
  await waitFor("one instance to be left", async () => (await instances()).length === 1, PATIENCE);
  await become("idle");
  await submit("hello", "echo hello from $DSTACK_RUN_NAME");
  await reach("hello", "done");
  const [one] = await instances();
  expect(one?.status).toBe("idle");
  expect(present()).toEqual([one?.id ?? ""]);
  await post("/fleets/delete", { names: ["near"] });
  await waitFor(
    "the fleet to be gone",
    async () => (await post("/fleets/get", { name: "near" })).status === 400,
    PATIENCE,
  );
  expect(present()).toEqual([]);
  expect(listProcessesOf(folder())).toEqual([]);
}, 90_000);

test("instances and their jobs outlive the coordinator", async () => {
  await apply({ nodes: 1 });
  await become("idle");
  const go = join(dir.path, "go");
  await submit("long", `until [ -e ${go} ]; do sleep 0.1; done; echo done`);
  await reach("long", "running");
  const [before] = await instances();
  await coordinator.stop();
  await start(new URL(coordinator.url).port);
  expect((await instances())[0]?.id).toBe(before?.id ?? "");
  writeFileSync(go, "");
  await reach("long", "done");
  expect((await instances()).map(({ id, status }) => [id, status])).toEqual([[before?.id ?? "", "idle"]]);
}, 90_000);

test("no more are made than are allowed", async () => {
  await apply({ nodes: { min: 0, target: 5, max: 5 } });
  await waitFor(
    "three to be idle",
    async () => (await instances()).filter(({ status }) => status === "idle").length === 3,
    PATIENCE,
  );
  await waitFor("the others to be given up", async () => (await instances()).length === 3, PATIENCE);
}, 90_000);

test("a fleet without instances gets one for a job, and shows it in the plan before", async () => {
  await apply({ nodes: "0..1" });
  expect(await instances()).toEqual([]);
  const resources = { cpu: "1..", memory: "0.1GB..", disk: null };
  const configuration = { type: "task", commands: ["true"], fleets: ["near"], resources };
  const { body } = await post("/runs/get_plan", { run_spec: { run_name: "hello", configuration } });
  expect(body).toMatchObject({
    job_plans: [
      { offers: [{ backend: "remote", region: "local", availability: "available" }], total_offers: 1 },
    ],
  });
  await submit("hello", "echo hello");
  expect((await run("hello")).status).toBe("provisioning");
  await reach("hello", "done");
  expect(await instances()).toMatchObject([{ name: "near-0", status: "idle" }]);
}, 90_000);
