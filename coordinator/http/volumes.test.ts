import { expect, test } from "bun:test";
import { Volume } from "../../shared/api/volumes.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";

const P = "/api/project/main";
const aVolume = (rest: Record<string, unknown> = {}) => ({
  configuration: {
    type: "volume",
    name: "scratch",
    backend: "runpod",
    region: "EU-1",
    size: "50GB",
    ...rest,
  },
});

const failed = (coordinator: TestCoordinator, name: string) =>
  waitFor("the volume to fail", async () => {
    const { body } = await coordinator.post(`${P}/volumes/get`, { name });
    const volume = Volume.parse(body);
    return volume.status === "failed" && volume;
  });

test("a volume is stored, fails because nothing can make it, and is deleted", async () => {
  await using coordinator = await startTestCoordinator();
  const made = await coordinator.post(`${P}/volumes/create`, aVolume());
  expect(made).toMatchObject({
    status: 200,
    body: {
      name: "scratch",
      user: "admin",
      project_name: "main",
      status: "submitted",
      status_message: null,
      external: false,
      configuration: { name: "scratch", backend: "runpod", region: "EU-1", size: 50 },
      attachments: [],
      deleted: false,
    },
  });
  const volume = await failed(coordinator, "scratch");
  expect(volume.status_message).toStartWith("Backend runpod not available.");
  expect((await coordinator.post(`${P}/volumes/list`)).body).toEqual([volume]);
  expect((await coordinator.post("/api/volumes/list", {})).body).toEqual([volume]);
  expect((await coordinator.post("/api/volumes/list", { only_active: true })).body).toEqual([volume]);
  expect((await coordinator.post("/api/volumes/list", { project_name: "other" })).body).toEqual([]);

  expect(await coordinator.post(`${P}/volumes/create`, aVolume())).toMatchObject({
    status: 400,
    body: { detail: [{ code: "resource_exists", msg: 'Volume "scratch" exists already' }] },
  });
  const gone = await coordinator.post(`${P}/volumes/delete`, { names: ["scratch", "nobody"] });
  expect(gone).toMatchObject({ status: 200, body: null });
  expect(await coordinator.post(`${P}/volumes/get`, { name: "scratch" })).toMatchObject({
    status: 400,
    body: { detail: [{ code: "resource_not_exists", msg: "Resource not found" }] },
  });
  expect((await coordinator.post(`${P}/volumes/list`)).body).toEqual([]);
  expect((await coordinator.post("/api/volumes/list", { only_active: true })).body).toEqual([]);
  expect((await coordinator.post("/api/volumes/list", {})).body).toMatchObject([
    { id: volume.id, deleted: true, deleted_at: expect.any(String) },
  ]);
  const { body } = await coordinator.post("/api/events/list", {
    target_volumes: [volume.id],
    ascending: true,
  });
  expect(body).toMatchObject(
    [
      { message: "Volume created. Status: SUBMITTED", actor_user: "admin" },
      {
        message: /^Volume status changed SUBMITTED -> FAILED \(Backend runpod not available/,
        actor_user: null,
      },
      { message: "Volume deleted", targets: [{ type: "volume", name: "scratch", project_name: "main" }] },
    ].map((event) => ({ ...event, message: expect.stringMatching(event.message) })),
  );
});

test("a volume without a name gets one, and one that exists already is external", async () => {
  await using coordinator = await startTestCoordinator();
  const { body } = await coordinator.post(`${P}/volumes/create`, aVolume({ name: null, volume_id: "v-1" }));
  const volume = Volume.parse(body);
  expect(volume.name).toMatch(/^[a-z]+-[a-z]+$/);
  expect(volume).toMatchObject({ external: true, volume_id: "v-1" });
});

test.each([
  ["a bad name", { name: "Bad_Name" }, "error", "Resource name should match regex"],
  ["no size", { size: null }, "error", "size: Give the size of a new volume"],
  [
    "cleanup of what was there",
    { volume_id: "v", auto_cleanup_duration: "1h" },
    "error",
    "auto_cleanup_duration",
  ],
  ["a cloud that cannot be had", { backend: "aws" }, "backend_not_available", "Backend aws not available"],
])("%s is refused", async (_, rest, code, msg) => {
  await using coordinator = await startTestCoordinator();
  const refused = await coordinator.post(`${P}/volumes/create`, aVolume(rest));
  expect(refused).toMatchObject({
    status: 400,
    body: { detail: [{ code, msg: expect.stringContaining(msg) }] },
  });
  expect((await coordinator.post(`${P}/volumes/list`)).body).toEqual([]);
});

test("what is no volume is a 422", async () => {
  await using coordinator = await startTestCoordinator();
  const { status } = await coordinator.post(`${P}/volumes/create`, aVolume({ backend: "nowhere" }));
  expect(status).toBe(422);
});

test("clients are spared volumes that they could not read", async () => {
  await using coordinator = await startTestCoordinator();
  const sizeless = { region: undefined, size: undefined };
  await coordinator.post(`${P}/volumes/create`, aVolume({ ...sizeless, name: "one", backend: "daytona" }));
  await coordinator.post(`${P}/volumes/create`, aVolume({ ...sizeless, name: "two", backend: "lium" }));
  const seenBy = async (version: string) => {
    const headers = { "x-api-version": version };
    const { body } = await coordinator.post(`${P}/volumes/list`, undefined, { headers });
    return Volume.array()
      .parse(body)
      .map(({ name }) => name)
      .sort();
  };
  expect(await seenBy("0.21.2")).toEqual([]);
  expect(await seenBy("0.22.2")).toEqual(["one"]);
  expect(await seenBy("0.22.5")).toEqual(["one", "two"]);
  const headers = { "x-api-version": "0.21.2" };
  expect(await coordinator.post(`${P}/volumes/get`, { name: "one" }, { headers })).toMatchObject({
    status: 400,
  });
});

test("a project with a volume is not deleted", async () => {
  await using coordinator = await startTestCoordinator();
  await coordinator.post("/api/projects/create", { project_name: "team" });
  await coordinator.post("/api/project/team/volumes/create", aVolume());
  const deletion = { projects_names: ["team"] };
  expect(await coordinator.post("/api/projects/delete", deletion)).toMatchObject({
    status: 400,
    body: { detail: [{ msg: 'Project "team" has volumes\nDelete them first' }] },
  });
  await coordinator.post("/api/project/team/volumes/delete", { names: ["scratch"] });
  expect((await coordinator.post("/api/projects/delete", deletion)).status).toBe(200);
});

test("pages of volumes go on where the last one ended", async () => {
  await using coordinator = await startTestCoordinator();
  for (const name of ["aa", "bb", "cc"]) await coordinator.post(`${P}/volumes/create`, aVolume({ name }));
  const seen: string[] = [];
  let last: Volume | undefined;
  do {
    const paging = last ? { prev_created_at: last.created_at, prev_id: last.id } : {};
    const { body } = await coordinator.post("/api/volumes/list", { limit: 1, ascending: true, ...paging });
    last = Volume.array().parse(body)[0];
    if (last) seen.push(last.name);
  } while (last);
  expect(seen.sort()).toEqual(["aa", "bb", "cc"]);
});

test("a run mounts only volumes that are there, for every node, and that were made", async () => {
  await using coordinator = await startTestCoordinator();
  await coordinator.post(`${P}/volumes/create`, aVolume({ name: "data-0" }));
  await failed(coordinator, "data-0");
  const planWith = async (name: string | string[], nodes = 1) => {
    const configuration = { type: "task", commands: ["true"], nodes, volumes: [{ name, path: "/data" }] };
    const { body } = await coordinator.post(`${P}/runs/get_plan`, { run_spec: { configuration } });
    return body;
  };
  const refusal = (code: string, msg: string) => ({
    detail: [{ code, msg: expect.stringContaining(msg) }],
  });
  expect(await planWith("nothing")).toEqual(refusal("resource_not_exists", "Volume ['nothing'] not found"));
  expect(await planWith(["data-0", "b"])).toEqual(
    refusal("resource_not_exists", "Volume ['data-0', 'b'] not found"),
  );
  const ranked = `data-\${{ dstack.node_rank }}`;
  expect(await planWith(ranked)).toEqual(refusal("error", "not active: data-0"));
  expect(await planWith(`rank-\${{ dstack.node_rank }}`, 2)).toEqual(
    refusal("resource_not_exists", "Volume ['rank-0'] not found"),
  );
  expect(await planWith(`data-\${{ run.x }}`)).toEqual(refusal("error", "Cannot fill the volume name"));
});
