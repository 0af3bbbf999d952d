import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Project } from "../../shared/api/projects.ts";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";

let coordinator: TestCoordinator;
const tokens: Record<string, string> = {};

beforeAll(async () => {
  coordinator = await startTestCoordinator();
  for (const name of ["ann", "bob", "eve"]) tokens[name] = await coordinator.addUser(name);
});
afterAll(() => coordinator[Symbol.asyncDispose]());

const as = (name: string, path: string, body?: unknown) =>
  coordinator.post(path, body, { token: tokens[name] ?? null });

const refusal = (msg: string, code = "error") => ({ status: 400, body: { detail: [{ msg, code }] } });

const membersOf = async (project: string) => {
  const { body } = await coordinator.post(`/api/projects/${project}/get`);
  const { members } = Project.parse(body);
  return Object.fromEntries(members.map(({ user, project_role }) => [user.username, project_role]));
};

describe("projects", () => {
  test("belong to whoever made them, and to members", async () => {
    const { body } = await as("ann", "/api/projects/create", { project_name: "Anns" });
    expect(Project.parse(body)).toMatchObject({
      project_name: "Anns",
      owner: { username: "ann" },
      backends: [],
      members: [{ user: { username: "ann" }, project_role: "admin" }],
    });
    expect((await as("bob", "/api/projects/Anns/get")).status).toBe(403);
    expect(await as("bob", "/api/projects/list")).toMatchObject({ body: [] });
    expect(await as("ann", "/api/projects/list")).toMatchObject({
      body: [{ project_name: "Anns", members: [] }],
    });
    const { body: all } = await coordinator.post("/api/projects/list", { return_total_count: true });
    expect(all).toMatchObject({ total_count: 2 });
    expect(await coordinator.post("/api/projects/list", { name_pattern: "ANN" })).toMatchObject({
      body: [{ project_name: "Anns" }],
    });
  });

  test("have names of their own, whatever the case", async () => {
    expect(await as("bob", "/api/projects/create", { project_name: "anns" })).toMatchObject(
      refusal('Project "anns" exists already', "resource_exists"),
    );
    expect((await as("bob", "/api/projects/create", { project_name: "with space" })).status).toBe(400);
  });

  test("are deleted by their admins, when nothing is left in them", async () => {
    await as("ann", "/api/projects/create", { project_name: "old" });
    const remove = { projects_names: ["old"] };
    expect((await as("bob", "/api/projects/delete", remove)).status).toBe(403);
    await as("ann", "/api/project/old/fleets/tokens/create", { fleet: "lab" });
    expect(await as("ann", "/api/projects/delete", remove)).toMatchObject(
      refusal('Project "old" has fleets\nDelete them first'),
    );
    await as("ann", "/api/project/old/fleets/delete", { names: ["lab"] });
    expect(await as("ann", "/api/projects/delete", remove)).toMatchObject({ status: 200, body: null });
    expect((await as("ann", "/api/projects/old/get")).status).toBe(404);
    expect((await as("ann", "/api/projects/create", { project_name: "old" })).status).toBe(200);
  });

  test("may be for admins to make", async () => {
    await using strict = await startTestCoordinator({ DSTACK_ALLOW_NON_ADMINS_CREATE_PROJECTS: "false" });
    const token = await strict.addUser("ann");
    const wish = { project_name: "anns" };
    expect((await strict.post("/api/projects/create", wish, { token })).status).toBe(403);
    expect(await strict.post("/api/users/get_my_user", undefined, { token })).toMatchObject({
      body: { permissions: { can_create_projects: false } },
    });
    expect((await strict.post("/api/projects/create", wish)).status).toBe(200);
  });
});

describe("members", () => {
  const member = (username: string, project_role: string) => ({ username, project_role });

  test("managers move everybody but admins", async () => {
    await as("ann", "/api/projects/create", { project_name: "team" });
    await as("ann", "/api/projects/team/add_members", { members: [member("bob", "manager")] });
    const add = (...members: unknown[]) => as("bob", "/api/projects/team/add_members", { members });
    expect((await add(member("eve", "user"))).status).toBe(200);
    expect((await add(member("eve", "admin"))).status).toBe(403);
    expect((await add(member("ann", "user"))).status).toBe(403);
    expect((await as("bob", "/api/projects/team/set_members", { members: [] })).status).toBe(403);
    expect((await as("bob", "/api/projects/team/remove_members", { usernames: ["ann"] })).status).toBe(403);
    expect(await membersOf("team")).toEqual({ ann: "admin", bob: "manager", eve: "user" });
    expect((await as("eve", "/api/projects/team/set_members", { members: [] })).status).toBe(403);
  });

  test("anybody leaves, but the last admin", async () => {
    expect((await as("eve", "/api/projects/team/remove_members", { usernames: ["bob"] })).status).toBe(403);
    await as("eve", "/api/projects/team/remove_members", { usernames: ["eve"] });
    expect(await membersOf("team")).toEqual({ ann: "admin", bob: "manager" });
    const { status } = await as("ann", "/api/projects/team/remove_members", { usernames: ["ann"] });
    expect(status).toBe(400);
  });

  test("anybody joins a public project, as an ordinary member", async () => {
    await as("ann", "/api/projects/create", { project_name: "open", is_public: true });
    const join = (...members: unknown[]) => as("eve", "/api/projects/open/add_members", { members });
    expect((await join(member("eve", "admin"))).status).toBe(403);
    expect((await join(member("bob", "user"))).status).toBe(403);
    expect((await join(member("eve", "user"))).status).toBe(200);
    expect(await membersOf("open")).toEqual({ ann: "admin", eve: "user" });
  });

  test("unknown users are told by name", async () => {
    expect(
      await as("ann", "/api/projects/team/add_members", { members: [member("zoe", "user")] }),
    ).toMatchObject(refusal('User "zoe" not found', "resource_not_exists"));
  });
});

describe("changes and lists", () => {
  test("its admins say whether a project is public, and where its templates are", async () => {
    await as("ann", "/api/projects/create", { project_name: "changing" });
    const update = (body: Record<string, unknown>, who: Parameters<typeof as>[0] = "ann") =>
      as(who, "/api/projects/changing/update", body);
    expect((await update({ is_public: true }, "eve")).status).toBe(403);
    const repo = "https://git.example.com/templates.git";
    expect((await update({ is_public: true, templates_repo: repo })).body).toMatchObject({
      is_public: true,
      templates_repo: repo,
    });
    expect((await update({})).body).toMatchObject({ is_public: true, templates_repo: repo });
    expect((await as("eve", "/api/projects/changing/get")).status).toBe(200);
    expect(
      (await update({ templates_repo: repo, is_public: false, reset_templates_repo: true })).body,
    ).toMatchObject({
      is_public: false,
      templates_repo: null,
    });
    expect((await as("eve", "/api/projects/changing/get")).status).toBe(403);
  });

  test("those of one user are listed with that user's role", async () => {
    const { body } = await as("ann", "/api/projects/list", { username: "bob" });
    expect(body).toMatchObject([
      { project_name: "team", members: [{ user: { username: "bob" }, project_role: "manager" }] },
    ]);
    expect(await as("ann", "/api/projects/list", { username: "zoe" })).toMatchObject(
      refusal('User "zoe" not found', "resource_not_exists"),
    );
  });

  test("those without fleets are listed to their members", async () => {
    const { body } = await as("bob", "/api/projects/list_only_no_fleets");
    expect(body).toMatchObject([{ project_name: "team", members: [] }]);
  });

  test("members are named once, and only members are removed", async () => {
    await as("ann", "/api/projects/create", { project_name: "strict" });
    const twice = [
      { username: "bob", project_role: "user" },
      { username: "BOB", project_role: "manager" },
    ];
    for (const path of ["add_members", "set_members"])
      expect(await as("ann", `/api/projects/strict/${path}`, { members: twice })).toMatchObject(
        refusal("Cannot add same user multiple times"),
      );
    expect(await as("ann", "/api/projects/strict/remove_members", { usernames: ["eve"] })).toMatchObject(
      refusal("User is not a member of this project: eve"),
    );
  });

  test("whether a project is there is not told to those who could not delete it", async () => {
    const remove = (who: string, name: string) => as(who, "/api/projects/delete", { projects_names: [name] });
    const denied = { status: 403, body: { detail: { msg: "Access denied", code: null } } };
    expect(await remove("eve", "strict")).toMatchObject(denied);
    expect(await remove("eve", "nowhere")).toMatchObject(denied);
    await as("ann", "/api/projects/strict/add_members", {
      members: [{ username: "ann", project_role: "user" }],
    });
    expect((await remove("ann", "strict")).status).toBe(200);
  });
});
