import { expect, test } from "bun:test";
import { z } from "zod";
import { Export, Import } from "../../shared/api/exports.ts";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";
import { TestAgent } from "../testing/testAgent.ts";

const P = "/api/project/main";
const Q = "/api/project/team";

interface Shared extends AsyncDisposable {
  coordinator: TestCoordinator;
  /** A member of project `team`, and of no other. */
  ann: string;
}

/** Project `main` has a fleet "lab" with one host; `team` has none. */
const surroundings = async (): Promise<Shared> => {
  const coordinator = await startTestCoordinator();
  await TestAgent.join(coordinator, { fleet: "lab" });
  await coordinator.post("/api/projects/create", { project_name: "team" });
  const ann = await coordinator.addUser("ann");
  await coordinator.post("/api/projects/team/add_members", {
    members: [{ username: "ann", project_role: "user" }],
  });
  return { coordinator, ann, [Symbol.asyncDispose]: () => coordinator[Symbol.asyncDispose]() };
};

const share = async ({ coordinator }: Shared, rest: Record<string, unknown> = {}): Promise<Export> => {
  const request = { name: "capacity", importer_projects: ["team"], exported_fleets: ["lab"], ...rest };
  return Export.parse((await coordinator.post(`${P}/exports/create`, request)).body);
};

const importsOf = async ({ coordinator }: Shared): Promise<Import[]> =>
  z.object({ imports: z.array(Import) }).parse((await coordinator.post(`${Q}/imports/list`)).body).imports;

test("an export is made, listed on both sides, changed and deleted", async () => {
  await using shared = await surroundings();
  const { coordinator } = shared;
  const made = await share(shared);
  expect(made).toMatchObject({
    name: "capacity",
    is_global: false,
    imports: [{ project_name: "team" }],
    exported_fleets: [{ name: "lab" }],
    exported_gateways: [],
  });
  expect((await coordinator.post(`${P}/exports/list`)).body).toEqual({ exports: [made], warnings: [] });
  const old = { headers: { "x-api-version": "0.21.2" } };
  expect((await coordinator.post(`${P}/exports/list`, undefined, old)).body).toEqual([made]);
  const [imported] = await importsOf(shared);
  expect(imported).toMatchObject({
    export: { id: made.id, name: "capacity", project_name: "main", exported_fleets: [{ name: "lab" }] },
  });
  expect((await coordinator.post(`${Q}/imports/list`, undefined, old)).body).toEqual([imported]);

  const update = (rest: Record<string, unknown>) =>
    coordinator.post(`${P}/exports/update`, { name: "capacity", ...rest });
  expect((await update({ set_global: true })).body).toMatchObject({
    is_global: true,
    imports: [{ project_name: "team" }],
  });
  expect((await update({ unset_global: true })).body).toEqual(made);
  expect((await importsOf(shared))[0]?.id).toBe(imported?.id ?? "");
  expect((await update({ remove_exported_fleets: ["lab"] })).body).toMatchObject({ exported_fleets: [] });
  expect((await update({ remove_importer_projects: ["TEAM"] })).body).toMatchObject({ imports: [] });
  expect(await importsOf(shared)).toEqual([]);
  expect(await coordinator.post(`${P}/exports/delete`, { name: "capacity" })).toMatchObject({ body: null });
  expect(await coordinator.post(`${P}/exports/delete`, { name: "capacity" })).toMatchObject({
    status: 400,
    body: { detail: [{ code: "resource_not_exists" }] },
  });
});

test.each([
  ["a bad name", { name: "Capacity" }, "error"],
  ["an unknown fleet", { exported_fleets: ["nowhere"] }, "resource_not_exists"],
  ["an unknown gateway", { exported_gateways: ["nowhere"] }, "resource_not_exists"],
  ["an unknown project", { importer_projects: ["nowhere"] }, "resource_not_exists"],
  ["itself", { importer_projects: ["Main"] }, "error"],
])("an export of or to %s is refused", async (_, rest, code) => {
  await using shared = await surroundings();
  const request = { name: "capacity", ...rest };
  expect(await shared.coordinator.post(`${P}/exports/create`, request)).toMatchObject({
    status: 400,
    body: { detail: [{ code }] },
  });
});

test("a name is taken once in a project", async () => {
  await using shared = await surroundings();
  await share(shared);
  expect(await shared.coordinator.post(`${P}/exports/create`, { name: "capacity" })).toMatchObject({
    status: 400,
    body: { detail: [{ code: "resource_exists" }] },
  });
  expect((await shared.coordinator.post(`${Q}/exports/create`, { name: "capacity" })).status).toBe(200);
});

test("nobody shares with a project that they are no admin of, nor with all projects", async () => {
  await using shared = await surroundings();
  const { coordinator } = shared;
  const token = await coordinator.addUser("padmin", "admin");
  const request = { name: "capacity", importer_projects: ["team"], exported_fleets: ["lab"] };
  const refused = await coordinator.post(`${P}/exports/create`, request, { token });
  const unknown = await coordinator.post(
    `${P}/exports/create`,
    { ...request, importer_projects: ["nowhere"] },
    { token },
  );
  expect(refused).toMatchObject({ status: 400, body: { detail: [{ msg: 'Project "team" not found' }] } });
  expect(unknown).toMatchObject({ status: 400, body: { detail: [{ msg: 'Project "nowhere" not found' }] } });
  const toAll = { name: "capacity", is_global: true };
  expect(await coordinator.post(`${P}/exports/create`, toAll, { token })).toMatchObject({ status: 403 });
});

test("fleets that are imported are seen where they are asked for, and no others", async () => {
  await using shared = await surroundings();
  const { coordinator, ann: token } = shared;
  await TestAgent.join(coordinator, { fleet: "private" });
  const Named = z.array(z.object({ name: z.string(), project_name: z.string() }));
  const seen = async (path: string, body: unknown) =>
    Named.parse((await coordinator.post(path, body, { token })).body).map(
      (one) => `${one.project_name}/${one.name}`,
    );
  const getLab = () => coordinator.post(`${P}/fleets/get`, { name: "lab" }, { token });
  expect((await getLab()).status).toBe(403);
  await share(shared);
  for (const path of [`${Q}/fleets/list`, "/api/fleets/list"]) {
    expect(await seen(path, { include_imported: true })).toEqual(["main/lab"]);
    expect(await seen(path, {})).toEqual([]);
  }
  expect(await seen("/api/instances/list", { include_imported: true })).toEqual(["main/lab-0"]);
  expect(await seen("/api/instances/list", {})).toEqual([]);
  expect(await getLab()).toMatchObject({ status: 200, body: { name: "lab", project_name: "main" } });
  const other = await coordinator.post(`${P}/fleets/get`, { name: "private" }, { token });
  expect(other).toMatchObject({ status: 403, body: { detail: { msg: "Access denied", code: null } } });
  const unknown = await coordinator.post(`${P}/fleets/get`, { name: "nowhere" }, { token });
  expect(unknown).toMatchObject({ status: 403, body: other.body as object });
  const strange = await coordinator.post(`${P}/instances/get`, { id: crypto.randomUUID() }, { token });
  expect(strange.status).toBe(403);
  const gateway = await coordinator.post(`${P}/gateways/get`, { name: "nowhere" }, { token });
  expect(gateway.status).toBe(403);
  const instances = z.array(z.object({ id: z.string(), name: z.string() }));
  const all = instances.parse((await coordinator.post("/api/instances/list", {})).body);
  const getInstance = (name: string) =>
    coordinator.post(`${P}/instances/get`, { id: all.find((one) => one.name === name)?.id }, { token });
  expect((await getInstance("lab-0")).status).toBe(200);
  expect((await getInstance("private-0")).status).toBe(403);
  expect((await coordinator.post(`${P}/fleets/list`, {}, { token })).status).toBe(403);
});

test("a project does without an import; what is for all stays", async () => {
  await using shared = await surroundings();
  const { coordinator } = shared;
  await share(shared);
  const leave = { export_name: "capacity", export_project_name: "main" };
  expect(await coordinator.post(`${Q}/imports/delete`, leave)).toMatchObject({ status: 200, body: null });
  expect(await importsOf(shared)).toEqual([]);
  expect(await coordinator.post(`${Q}/imports/delete`, leave)).toMatchObject({
    status: 400,
    body: { detail: [{ code: "resource_not_exists" }] },
  });
  await coordinator.post(`${P}/exports/update`, { name: "capacity", set_global: true });
  const [first] = await importsOf(shared);
  expect(first?.export.name).toBe("capacity");
  expect((await importsOf(shared))[0]?.id).toBe(first?.id ?? "");
  expect(await coordinator.post(`${Q}/imports/delete`, leave)).toMatchObject({ status: 400 });
  expect((await coordinator.post(`${P}/imports/list`)).body).toEqual({ imports: [], warnings: [] });
});

test("of a project that is gone nothing is imported", async () => {
  await using shared = await surroundings();
  const { coordinator } = shared;
  const request = { name: "empty", importer_projects: ["main"] };
  expect((await coordinator.post(`${Q}/exports/create`, request)).status).toBe(200);
  const imports = async () => (await coordinator.post(`${P}/imports/list`)).body;
  expect(await imports()).toMatchObject({ imports: [{ export: { project_name: "team" } }] });
  await coordinator.post("/api/projects/delete", { projects_names: ["team"] });
  expect(await imports()).toEqual({ imports: [], warnings: [] });
});
