import { afterAll, beforeAll, expect, test } from "bun:test";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";

let coordinator: TestCoordinator;
let userToken: string;

beforeAll(async () => {
  coordinator = await startTestCoordinator();
  userToken = await coordinator.addUser("user");
});
afterAll(() => coordinator[Symbol.asyncDispose]());

test("a project that does not exist is a 404, for those with a token only", async () => {
  const path = "/api/project/atlantis/fleets/list";
  const missing = { status: 404, body: { detail: { msg: "Not found", code: null } } };
  expect(await coordinator.post(path)).toMatchObject(missing);
  expect(await coordinator.post(path, undefined, { token: userToken })).toMatchObject(missing);
  expect((await coordinator.post(path, undefined, { token: "bad" })).status).toBe(403);
});

test("projects are found whatever the case of their name", async () => {
  expect((await coordinator.post("/api/project/MAIN/fleets/list")).status).toBe(200);
});

test("a public project lets visitors see, and do no more", async () => {
  await coordinator.post("/api/projects/create", { project_name: "open", is_public: true });
  const token = userToken;
  expect((await coordinator.post("/api/projects/open/get", undefined, { token })).status).toBe(200);
  expect((await coordinator.post("/api/project/open/fleets/list", undefined, { token })).status).toBe(403);
});

test("a token that was renewed is bad from then on", async () => {
  const token = await coordinator.addUser("renewed");
  const { body } = await coordinator.post("/api/users/refresh_token", { username: "renewed" }, { token });
  expect((await coordinator.post("/api/users/get_my_user", undefined, { token })).status).toBe(403);
  const fresh = (body as { creds: { token: string } }).creds.token;
  expect((await coordinator.post("/api/users/get_my_user", undefined, { token: fresh })).status).toBe(200);
});

test("another scheme than Bearer is no token at all", async () => {
  const { status } = await coordinator.post("/api/users/get_my_user", undefined, {
    token: null,
    headers: { authorization: "Basic YWRtaW46YWRtaW4=" },
  });
  expect(status).toBe(401);
});
