import { afterAll, beforeAll, expect, test } from "bun:test";
import { Fleet, FleetPlan, Instance } from "../../shared/api/fleets.ts";
import { GpusAnswer } from "../../shared/api/gpus.ts";
import { NewJoinToken } from "../../shared/api/joinTokens.ts";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";
import { TestAgent } from "../testing/testAgent.ts";

const P = "/api/project/main";

let coordinator: TestCoordinator;

const gpu = (index: number) => ({
  vendor: "nvidia" as const,
  raw_name: "NVIDIA H100 80GB HBM3",
  id: `GPU-${index}`,
  index,
  memory_mib: 81_559,
  driver_version: "550.54.15",
});

beforeAll(async () => {
  coordinator = await startTestCoordinator();
  await TestAgent.join(coordinator, { fleet: "lab" });
  await TestAgent.join(coordinator, { fleet: "lab", inventory: { hostname: "one", gpus: [gpu(0)] } });
  await TestAgent.join(coordinator, { fleet: "den", inventory: { hostname: "two", gpus: [gpu(0), gpu(1)] } });
});
afterAll(() => coordinator[Symbol.asyncDispose]());

const getFleet = async (key: Record<string, unknown>) => {
  const { status, body } = await coordinator.post(`${P}/fleets/get`, key);
  return status === 200 ? Fleet.parse(body) : undefined;
};

const refusal = (msg: string, code = "error") => ({ status: 400, body: { detail: [{ msg, code }] } });

test("fleets show their hosts, as hosts of an SSH fleet", async () => {
  const lab = await getFleet({ name: "lab" });
  expect(lab).toMatchObject({ status: "active", project_name: "main" });
  expect(lab?.spec.configuration.ssh_config?.hosts).toEqual(["host-0", "one"]);
  expect(lab?.instances).toMatchObject([
    { name: "lab-0", instance_num: 0, status: "idle", backend: "remote", price: 0, gpu_driver: null },
    {
      name: "lab-1",
      instance_num: 1,
      hostname: "one",
      gpu_driver: { vendor: "nvidia", version: "550.54.15" },
    },
  ]);
  expect(await getFleet({ id: lab?.id })).toEqual(lab);
});

test("fleets and instances are listed over projects and within one", async () => {
  const names = async (path: string, body?: unknown) =>
    ((await coordinator.post(path, body)).body as Fleet[]).map(({ name }) => name).sort();
  expect(await names(`${P}/fleets/list`)).toEqual(["default", "den", "lab"]);
  expect(await names(`${P}/fleets/list`, { include_imported: true })).toEqual(["default", "den", "lab"]);
  expect(await names("/api/fleets/list", { project_name: "main", limit: 1 })).toHaveLength(1);
  expect(await names("/api/fleets/list", { project_name: "other" })).toEqual([]);
  expect(await names("/api/instances/list", {})).toEqual(["den-0", "lab-0", "lab-1"]);
  const token = await coordinator.addUser("stranger");
  for (const path of ["/api/fleets/list", "/api/instances/list"])
    expect(await coordinator.post(path, {}, { token })).toMatchObject({ status: 200, body: [] });
});

test("an instance is found in its own project", async () => {
  const [instance] = (await getFleet({ name: "den" }))?.instances ?? [];
  const { body } = await coordinator.post(`${P}/instances/get`, { id: instance?.id });
  expect(Instance.parse(body)).toMatchObject({ name: "den-0", fleet_name: "den" });
  const missing = refusal("Resource not found", "resource_not_exists");
  expect(await coordinator.post(`${P}/instances/get`, { id: crypto.randomUUID() })).toMatchObject(missing);
  await coordinator.post("/api/projects/create", { project_name: "other" });
  expect(await coordinator.post("/api/project/other/instances/get", { id: instance?.id })).toMatchObject(
    missing,
  );
});

test("what is missing is told with the code that clients wait for", async () => {
  const missing = refusal("Resource not found", "resource_not_exists");
  expect(await coordinator.post(`${P}/fleets/get`, { name: "none" })).toMatchObject(missing);
  for (const [path, body] of [
    ["delete", { names: ["none"] }],
    ["delete_instances", { name: "none", instance_nums: [0] }],
  ] as const)
    expect(await coordinator.post(`${P}/fleets/${path}`, body)).toMatchObject({ status: 200, body: null });
  expect(await coordinator.post(`${P}/fleets/get`, {})).toMatchObject(
    refusal("name or id must be specified"),
  );
});

test("GPUs are grouped as asked", async () => {
  const list = async (group_by: string[], gpu: unknown = "1..") => {
    const run_spec = {
      configuration: {
        type: "task",
        commands: [":"],
        image: "scratch",
        resources: { gpu, disk: null },
      },
    };
    const answer = await coordinator.post(`${P}/gpus/list`, { run_spec, group_by });
    return { ...answer, ...(answer.status === 200 ? GpusAnswer.parse(answer.body) : { gpus: [] }) };
  };
  const h100 = {
    name: "H100",
    memory_mib: 81_920,
    vendor: "nvidia",
    availability: ["idle"],
    spot: ["on-demand"],
  };
  expect((await list([])).gpus).toMatchObject([{ ...h100, count: { min: 1, max: 2 }, backends: ["remote"] }]);
  expect((await list(["count"])).gpus.map(({ count }) => count.min)).toEqual([1, 2]);
  expect((await list(["backend"])).gpus).toMatchObject([{ ...h100, backend: "remote", regions: ["remote"] }]);
  expect((await list(["backend", "region"])).gpus).toMatchObject([{ ...h100, region: "remote" }]);
  expect(await list([], 0)).toMatchObject({
    gpus: [],
    cpus: [{ cpu_arch: ["x86"], count: { min: 8, max: 8 }, memory_mib: { min: 32_768, max: 32_768 } }],
  });
  expect((await list([])).cpus).toBeUndefined();
  expect(await list(["region"])).toMatchObject(
    refusal("Cannot group by 'region' without also grouping by 'backend'"),
  );
});

test("a join token lets hosts in until it is revoked", async () => {
  const { body } = await coordinator.post(`${P}/fleets/tokens/create`, { fleet: "late" });
  const { id, token, join_command, uses_left } = NewJoinToken.parse(body);
  expect(join_command).toBe(`curl -fsSL ${coordinator.url}/install.sh | sh -s -- --token ${token}`);
  expect(uses_left).toBeNull();
  const host = { url: coordinator.url, newJoinToken: async () => token };
  await TestAgent.join(host, { fleet: "late" });
  const { body: tokens } = await coordinator.post(`${P}/fleets/tokens/list`, { fleet: "late" });
  expect(tokens).toMatchObject([{ id, fleet: "late" }]);
  expect(JSON.stringify(tokens)).not.toContain(token);
  await coordinator.post(`${P}/fleets/tokens/revoke`, { ids: [id] });
  await expect(TestAgent.join(host, { fleet: "late" })).rejects.toThrow("revoked");
  expect((await coordinator.post(`${P}/fleets/tokens/list`, { fleet: "late" })).body).toEqual([]);
  const unknown = await coordinator.post(`${P}/fleets/tokens/revoke`, { ids: [crypto.randomUUID()] });
  expect(unknown.status).toBe(400);
});

test("fleets are named as the wire names things", async () => {
  for (const fleet of ["A", "", "with space", "x".repeat(50)])
    expect((await coordinator.post(`${P}/fleets/tokens/create`, { fleet })).status).toBe(400);
  for (const wish of [
    { fleet: "lab", ttl_s: 1 },
    { fleet: "lab", uses: 0 },
  ])
    expect((await coordinator.post(`${P}/fleets/tokens/create`, wish)).status).toBe(422);
});

test("a fleet in use stays; a free one goes with its hosts, which cannot come back", async () => {
  const agent = await TestAgent.join(coordinator, { fleet: "shortlived" });
  const configuration = {
    type: "task",
    image: "busybox",
    commands: ["sleep 100"],
    fleets: ["shortlived"],
    resources: { cpu: "1..", memory: "1GB..", disk: null },
  };
  const plan = { run_spec: { run_name: "user", configuration }, current_resource: null };
  await coordinator.post(`${P}/runs/apply`, { plan, force: false });
  const submission = await agent.take();
  const remove = () => coordinator.post(`${P}/fleets/delete`, { names: ["shortlived"] });
  const removeInstance = () =>
    coordinator.post(`${P}/fleets/delete_instances`, { name: "shortlived", instance_nums: [0, 7] });
  expect(await remove()).toMatchObject(
    refusal("Failed to delete fleet shortlived. Fleet is in use.\nStop its runs first: user"),
  );
  expect(await removeInstance()).toMatchObject(
    refusal(
      "Failed to delete fleet shortlived instances [0]. Fleet instances are in use.\nStop the runs on shortlived-0 first",
    ),
  );
  await agent.finished(submission, 0);
  expect(await removeInstance()).toMatchObject({ status: 200, body: null });
  expect((await getFleet({ name: "shortlived" }))?.instances).toEqual([]);
  await expect(agent.sync()).rejects.toThrow("401");
  const { id } = (await getFleet({ name: "shortlived" })) ?? {};
  expect(await remove()).toMatchObject({ status: 200, body: null });
  expect(await getFleet({ name: "shortlived" })).toBeUndefined();
  expect(await getFleet({ id })).toMatchObject({ status: "terminated" });
});

const cloudFleet = (name: string | null, more: Record<string, unknown> = {}) => ({
  configuration: { type: "fleet", name, nodes: "0..2", ...more },
  configuration_path: "fleet.dstack.yml",
  profile: { name: "default" },
});

const planFor = (spec: unknown, options = {}) => coordinator.post(`${P}/fleets/get_plan`, { spec }, options);
const applyFleet = (spec: unknown, current_resource: unknown = null, force = false) =>
  coordinator.post(`${P}/fleets/apply`, { plan: { spec, current_resource }, force });

test("a fleet of instances is planned, made, found, changed in place and deleted, without any backend", async () => {
  const spec = cloudFleet("burst");
  const plan = FleetPlan.parse((await planFor(spec)).body);
  expect(plan).toMatchObject({ action: "create", current_resource: null, offers: [], total_offers: 0 });
  expect(plan.no_offers_reason).toContain("dstack fleet token create burst");
  expect(plan.effective_spec).toEqual(plan.spec);
  expect((await applyFleet(spec)).body).toMatchObject({
    name: "burst",
    status: "active",
    instances: [],
    status_message: null,
  });
  await applyFleet(cloudFleet("wanting", { nodes: 1 }));
  expect((await getFleet({ name: "wanting" }))?.status_message).toContain("No backend is configured");
  const current = await getFleet({ name: "burst" });
  expect(FleetPlan.parse((await planFor(spec)).body)).toMatchObject({
    action: "update",
    current_resource: { id: current?.id },
  });
  const changed = cloudFleet("burst", { nodes: "0..3" });
  expect(FleetPlan.parse((await planFor(changed)).body).action).toBe("update");
  expect(await applyFleet(changed)).toMatchObject(
    refusal('Fleet "burst" is not the one that the plan was made for\nApply again, or with --force'),
  );
  expect((await applyFleet(changed, current)).status).toBe(200);
  expect((await getFleet({ name: "burst" }))?.spec.configuration.nodes).toEqual({ min: 0, max: 3 });
  const other = cloudFleet("burst", { placement: "cluster" });
  expect(FleetPlan.parse((await planFor(other)).body).action).toBe("create");
  expect(await applyFleet(other, null, true)).toMatchObject(
    refusal('Fleet "burst" cannot be changed so in place\nDelete it first'),
  );
  expect((await coordinator.post(`${P}/fleets/delete`, { names: ["burst"] })).status).toBe(200);
  expect(await getFleet({ name: "burst" })).toBeUndefined();
  expect((await applyFleet(other, current)).status).toBe(200);
});

test("hosts can join a fleet of instances, and are divided as it says", async () => {
  await applyFleet(cloudFleet("mixed", { blocks: 4 }));
  await TestAgent.join(coordinator, { fleet: "mixed" });
  expect((await getFleet({ name: "mixed" }))?.instances).toMatchObject([
    { name: "mixed-0", status: "idle", backend: "remote", total_blocks: 4 },
  ]);
});

test("a fleet's default image is set, changed in place and taken away, and is not on the wire where there is none", async () => {
  const bare = cloudFleet("imaged");
  await applyFleet(bare);
  const read = async () => (await getFleet({ name: "imaged" }))?.spec.configuration;
  expect(Object.keys((await read()) ?? {})).not.toContain("default_image");
  for (const default_image of ["lab/base:1", "lab/base:2"]) {
    const spec = cloudFleet("imaged", { default_image });
    expect(FleetPlan.parse((await planFor(spec)).body).action).toBe("update");
    expect((await applyFleet(spec, await getFleet({ name: "imaged" }))).status).toBe(200);
    expect(await read()).toMatchObject({ default_image });
  }
  await applyFleet(bare, null, true);
  expect(Object.keys((await read()) ?? {})).not.toContain("default_image");
  expect((await applyFleet(cloudFleet("imaged", { default_image: "" }), null, true)).status).toBe(422);
});

test("no more hosts join a fleet of instances than it may have, until it may have more", async () => {
  await applyFleet(cloudFleet("tight", { nodes: "0..1" }));
  const first = await TestAgent.join(coordinator, { fleet: "tight" });
  const refused = TestAgent.join(coordinator, { fleet: "tight" });
  await expect(refused).rejects.toThrow(
    /"conflict".*Fleet \\"tight\\" is full: its `nodes` allow 1 instance at most/,
  );
  expect((await getFleet({ name: "tight" }))?.instances).toHaveLength(1);
  await first.leave(false);
  await TestAgent.join(coordinator, { fleet: "tight" });
  await applyFleet(cloudFleet("tight", { nodes: "0..2" }), null, true);
  await TestAgent.join(coordinator, { fleet: "tight" });
  expect((await getFleet({ name: "tight" }))?.instances).toHaveLength(2);
});

test("a fleet without a name gets one", async () => {
  expect(Fleet.parse((await applyFleet(cloudFleet(null))).body).name).toMatch(/^[a-z]+-[a-z]+$/);
});

test.each([
  ["neither form", { nodes: null }, "No ssh_config or nodes specified"],
  ["both forms", { ssh_config: { hosts: [] } }, "nodes and ssh_config exclude each other"],
  ["variables of no SSH host", { env: { A: "1" } }, "Only fleets of SSH hosts have env"],
  ["a name that is none", { name: "Burst" }, "Resource name should match regex"],
  ["very many", { nodes: 100_000 }, "at most 1000 instances"],
])("a fleet with %s is refused before anything is made", async (_, more, message) => {
  const spec = cloudFleet("refused", more);
  for (const answer of [await planFor(spec), await applyFleet(spec)]) {
    expect(answer.status).toBe(400);
    expect(JSON.stringify(answer.body)).toContain(message);
  }
  expect(await getFleet({ name: "refused" })).toBeUndefined();
});

test("only members plan and apply fleets", async () => {
  const token = await coordinator.addUser("outsider");
  expect((await planFor(cloudFleet("theirs"), { token })).status).toBe(403);
  expect((await coordinator.post(`${P}/fleets/apply`, {}, { token })).status).toBe(403);
});

test("old clients send resources with SSH hosts, and a router with gateways", async () => {
  const headers = { "x-api-version": "0.20.3" };
  const said = (part: string) => ({
    status: 400,
    body: { detail: [{ msg: expect.stringContaining(part) }] },
  });
  const fleet = {
    type: "fleet",
    name: "annex",
    ssh_config: { user: "root", identity_file: "~/.ssh/id", hosts: ["10.0.0.9"] },
    resources: { cpu: 2 },
  };
  const plan = { spec: { configuration: fleet, profile: {} } };
  expect(await coordinator.post(`${P}/fleets/get_plan`, plan, { headers })).toMatchObject({
    status: 200,
    body: { action: "create", offers: [] },
  });
  expect(await coordinator.post(`${P}/fleets/get_plan`, plan)).toMatchObject(said("has no resources"));
  const configuration = { type: "gateway", name: "front", backend: "gcp", region: "r", router: null };
  const create = () => coordinator.post(`${P}/gateways/create`, { configuration }, { headers });
  expect(await create()).toMatchObject({ body: { detail: [{ code: "backend_not_available" }] } });
});
