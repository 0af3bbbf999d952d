import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { Event } from "../../shared/api/events.ts";
import { Fleet } from "../../shared/api/fleets.ts";
import { Project } from "../../shared/api/projects.ts";
import { Run } from "../../shared/api/runs.ts";
import { UserWithCreds } from "../../shared/api/users.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";
import { TestAgent } from "../testing/testAgent.ts";

let coordinator: TestCoordinator;
const tokens: Record<string, string> = {};
const ids: Record<string, string> = {};

const as = (name: string, path: string, body?: unknown) =>
  coordinator.post(path, body, name === "admin" ? {} : { token: tokens[name] ?? null });

const listAs = async (
  name: string,
  filter: Record<string, unknown> = {},
): Promise<z.infer<typeof Event>[]> => {
  const { status, body } = await as(name, "/api/events/list", { ascending: true, ...filter });
  expect(status).toBe(200);
  return z.array(Event).parse(body);
};

/** "ann [run a] Run submitted …", with a dash for the system. */
const linesOf = (events: readonly z.infer<typeof Event>[]) =>
  events.map(
    ({ message, actor_user, targets }) =>
      `${actor_user ?? "-"} [${targets.map(({ type, name }) => `${type} ${name}`).join(", ")}] ${message}`,
  );

const list = async (name: string, filter?: Record<string, unknown>) => linesOf(await listAs(name, filter));

const submit = async (user: string, name: string): Promise<Run> => {
  const run_spec = {
    run_name: name,
    configuration: { type: "task", name, commands: ["true"] },
    ssh_key_pub: "",
  };
  const path = "/api/project/main/runs/apply";
  const { body } = await as(user, path, { plan: { run_spec, current_resource: null }, force: false });
  return Run.parse(body);
};

/** A run of ann's on the only host of `main`, to its end; a project of bob's; eve, who is nobody's member. */
beforeAll(async () => {
  coordinator = await startTestCoordinator();
  for (const name of ["ann", "bob", "eve"]) {
    tokens[name] = await coordinator.addUser(name, name === "ann" ? "user" : undefined);
    ids[name] = UserWithCreds.parse((await as(name, "/api/users/get_my_user")).body).id;
  }
  const project = Project.parse((await as("bob", "/api/projects/create", { project_name: "bobs" })).body);
  ids["bobs"] = project.project_id;
  ids["main"] = Project.parse((await as("admin", "/api/projects/main/get")).body).project_id;
  const agent = await TestAgent.join(coordinator);
  const run = await submit("ann", "train");
  ids["run"] = run.id;
  ids["job"] = await agent.take();
  await agent.running(ids["job"]);
  await agent.finished(ids["job"], 0);
  await waitFor("the end of the run", async () => {
    const { body } = await as("ann", "/api/project/main/runs/get", { run_name: "train" });
    return Run.parse(body).status === "done";
  });
  const [fleet] = z.array(Fleet).parse((await as("admin", "/api/project/main/fleets/list")).body);
  ids["fleet"] = fleet?.id ?? "";
  ids["instance"] = fleet?.instances[0]?.id ?? "";
});
afterAll(() => coordinator[Symbol.asyncDispose]());

const RUN = [
  "ann [run train] Run submitted. Status: SUBMITTED",
  "- [run train] Run status changed SUBMITTED -> PROVISIONING",
  "- [run train] Run status changed PROVISIONING -> RUNNING",
  "- [run train] Run status changed RUNNING -> TERMINATING. Termination reason: ALL_JOBS_DONE",
  "- [run train] Run status changed TERMINATING -> DONE",
];
const JOB = [
  "- [job train-0-0] Job created on run submission. Status: SUBMITTED",
  "- [job train-0-0, instance lab-0] Job assigned to instance. Instance blocks: 1/1 busy",
  "- [job train-0-0] Job status changed SUBMITTED -> PROVISIONING",
  "- [job train-0-0] Job status changed PROVISIONING -> RUNNING",
  "- [job train-0-0] Job status changed RUNNING -> TERMINATING. Termination reason: DONE_BY_RUNNER",
  "- [job train-0-0] Job status changed TERMINATING -> DONE",
  "- [job train-0-0, instance lab-0] Job unassigned from instance. Instance blocks: 0/1 busy",
];
const INSTANCE = [
  "- [instance lab-0] Instance created on host joining. Status: IDLE",
  "- [instance lab-0] Instance status changed IDLE -> BUSY",
  "- [instance lab-0] Instance status changed BUSY -> IDLE",
];

describe("filters", () => {
  const expectSame = (lines: string[], expected: readonly string[]) =>
    expect(lines.toSorted()).toEqual(expected.toSorted());

  test("targets are exact", async () => {
    expect(await list("ann", { target_runs: [ids["run"]] })).toEqual(RUN);
    expect(await list("ann", { target_jobs: [ids["job"]] })).toEqual(JOB);
    const ofInstance = [...INSTANCE, ...JOB.filter((line) => line.includes("lab-0"))];
    expectSame(await list("ann", { target_instances: [ids["instance"]] }), ofInstance);
    expect((await list("ann", { target_fleets: [ids["fleet"]] })).map((line) => line.split(".")[0])).toEqual([
      "admin [fleet lab] Fleet created",
      "admin [fleet lab] Join token created",
    ]);
    expect(await list("admin", { target_projects: [ids["bobs"]] })).toEqual([
      "bob [project bobs] Project created",
    ]);
    expect(await list("admin", { target_users: [ids["bob"]] })).toEqual(["admin [user bob] User created"]);
  });

  test("within has what belongs to it, too", async () => {
    expectSame(await list("ann", { within_runs: [ids["run"]] }), [...RUN, ...JOB]);
    const ofFleet = await list("ann", { within_fleets: [ids["fleet"]] });
    expect(ofFleet).toHaveLength(2 + INSTANCE.length + 2);
    expect(await list("bob", { within_projects: [ids["bobs"]] })).toEqual([
      "bob [project bobs] Project created",
    ]);
  });

  test("what is asked for holds all at once", async () => {
    const within_runs = [ids["run"]];
    expect(await list("ann", { within_runs, include_target_types: ["run"] })).toEqual(RUN);
    expect(await list("ann", { within_runs, actors: [ids["ann"]] })).toEqual(RUN.slice(0, 1));
    expect(await list("ann", { within_runs, actors: [ids["bob"]] })).toEqual([]);
    expectSame(await list("ann", { within_runs, actors: [null] }), [...RUN.slice(1), ...JOB]);
    expectSame(await list("ann", { within_runs, actors: [null, ids["ann"]] }), [...RUN, ...JOB]);
    expect(await list("ann", { within_runs, target_jobs: [ids["job"]] })).toEqual(JOB);
    expect(await list("ann", { within_projects: [ids["bobs"]], target_runs: [ids["run"]] })).toEqual([]);
  });

  test("what there is not has no events", async () => {
    const nobody = [crypto.randomUUID()];
    for (const key of [
      "target_runs",
      "target_jobs",
      "target_volumes",
      "target_presets",
      "within_gateways",
      "within_runs",
    ])
      expect(await list("admin", { [key]: nobody })).toEqual([]);
  });

  test.each([
    ["two kinds of targets", { target_runs: [crypto.randomUUID()], target_jobs: [crypto.randomUUID()] }],
    [
      "two kinds of surroundings",
      { within_runs: [crypto.randomUUID()], within_fleets: [crypto.randomUUID()] },
    ],
    ["no target", { target_runs: [] }],
    ["too many targets", { target_runs: Array.from({ length: 17 }, () => crypto.randomUUID()) }],
    ["what is no id", { within_runs: ["x"] }],
    ["an unknown type", { include_target_types: ["x"] }],
    ["no actor", { actors: [] }],
    ["a limit of 0", { limit: 0 }],
    ["a limit of 101", { limit: 101 }],
  ])("%s is refused", async (_what, filter) => {
    expect((await as("admin", "/api/events/list", filter)).status).toBe(422);
  });
});

describe("visible are", () => {
  test("to a member the events of the project, and those of the member", async () => {
    const lines = await list("ann");
    for (const line of [...RUN, ...JOB, ...INSTANCE, "admin [user ann] User created"])
      expect(lines).toContain(line);
    expect(lines.filter((line) => /bob|eve/.test(line))).toEqual([]);
  });

  test("to somebody without a project those of the person alone", async () => {
    expect(await list("eve")).toEqual(["admin [user eve] User created"]);
    expect(await list("eve", { target_runs: [ids["run"]] })).toEqual([]);
    expect(await list("eve", { within_projects: [ids["main"]] })).toEqual([]);
    expect(await list("bob", { target_users: [ids["ann"]] })).toEqual([]);
  });

  test("to a global admin all of them", async () => {
    const lines = await list("admin");
    expect(lines.slice(0, 2)).toEqual([
      "admin [user admin] User created",
      "admin [project main] Project created",
    ]);
    for (const name of ["ann", "bob", "eve"]) expect(lines).toContain(`admin [user ${name}] User created`);
  });

  test("to whoever has a token, and to nobody else", async () => {
    expect((await coordinator.post("/api/events/list", {}, { token: null })).status).toBe(401);
    expect((await coordinator.post("/api/events/list", {}, { token: "x" })).status).toBe(403);
  });
});

test("pages follow each other without a gap, in either direction", async () => {
  const all = await listAs("admin");
  for (const ascending of [true, false]) {
    const seen: z.infer<typeof Event>[] = [];
    for (;;) {
      const last = seen.at(-1);
      const behind = last ? { prev_recorded_at: last.recorded_at, prev_id: last.id } : {};
      const page = await listAs("admin", { limit: 3, ascending, ...behind });
      seen.push(...page);
      if (page.length < 3) break;
    }
    expect(seen).toEqual(ascending ? all : all.toReversed());
  }
  const times = all.map(({ recorded_at }) => recorded_at);
  expect(new Set(times).size).toBe(times.length);
  expect(times).toEqual(times.toSorted());
});

test("an event is told in the words of the wire", async () => {
  const [event] = await listAs("ann", { target_runs: [ids["run"]] });
  expect(event).toEqual({
    id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4/),
    message: "Run submitted. Status: SUBMITTED",
    recorded_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
    actor_user_id: ids["ann"] ?? "",
    actor_user: "ann",
    is_actor_user_deleted: false,
    targets: [
      {
        type: "run",
        id: ids["run"] ?? "",
        name: "train",
        project_id: ids["main"] ?? "",
        project_name: "main",
        is_project_deleted: false,
      },
    ],
  });
});

test("what people change is told with who did it", async () => {
  const told = async (work: () => Promise<unknown>): Promise<string[]> => {
    const before = (await listAs("admin", { limit: 100, ascending: false })).map(({ id }) => id);
    await work();
    const after = await listAs("admin", { limit: 100, ascending: false });
    return linesOf(after.filter(({ id }) => !before.includes(id)).toReversed());
  };
  const change = (path: string, body: unknown, expected: string[]) =>
    told(() => as("admin", path, body)).then((lines) => expect(lines).toEqual(expected));
  await change("/api/users/create", { username: "tom", global_role: "user" }, [
    "admin [user tom] User created",
  ]);
  await change("/api/users/refresh_token", { username: "tom" }, ["admin [user tom] User token refreshed"]);
  await change("/api/projects/create", { project_name: "toms" }, ["admin [project toms] Project created"]);
  const members = (...pairs: [string, string][]) => ({
    members: pairs.map(([username, project_role]) => ({ username, project_role })),
  });
  await change("/api/projects/toms/add_members", members(["tom", "user"]), [
    "admin [project toms, user tom] Project member added. Role: USER",
  ]);
  await change("/api/projects/toms/add_members", members(["tom", "user"]), []);
  await change(
    "/api/projects/toms/set_members",
    members(["admin", "admin"], ["tom", "manager"], ["eve", "user"]),
    [
      "admin [project toms, user tom] Project member role changed USER -> MANAGER",
      "admin [project toms, user eve] Project member added. Role: USER",
    ],
  );
  await change("/api/projects/toms/remove_members", { usernames: ["eve"] }, [
    "admin [project toms, user eve] Project member removed",
  ]);
  const secrets = "/api/project/toms/secrets";
  const secret = (value: string) => ({ name: "KEY", value });
  await change(`${secrets}/create_or_update`, secret("hidden-1"), ["admin [secret KEY] Secret created"]);
  await change(`${secrets}/create_or_update`, secret("hidden-2"), ["admin [secret KEY] Secret updated"]);
  await change(`${secrets}/delete`, { secrets_names: ["KEY"] }, ["admin [secret KEY] Secret deleted"]);
  await change("/api/projects/delete", { projects_names: ["toms"] }, [
    "admin [project toms] Project deleted",
  ]);
  await change("/api/users/delete", { users: ["tom"] }, ["admin [user tom] User deleted"]);
  await change("/api/project/main/runs/delete", { runs_names: ["train"] }, ["admin [run train] Run deleted"]);
  await change("/api/project/main/fleets/delete", { names: ["lab"] }, [
    "admin [fleet lab] Fleet status changed ACTIVE -> TERMINATING",
    "admin [instance lab-0] Instance status changed IDLE -> TERMINATING. Termination reason: TERMINATED_BY_USER",
    "admin [instance lab-0] Instance status changed TERMINATING -> TERMINATED",
    "- [fleet lab] Fleet status changed TERMINATING -> TERMINATED",
  ]);
  const events = await listAs("admin", { limit: 100, ascending: false });
  expect(JSON.stringify(events)).not.toContain("hidden");
  expect(events.find(({ message }) => message === "Project deleted")?.targets[0]).toMatchObject({
    project_name: "toms",
    is_project_deleted: true,
  });
});
