import { afterAll, beforeAll, expect, test } from "bun:test";
import { createPrivateKey, createPublicKey } from "node:crypto";
import { UserWithCreds } from "../../shared/api/users.ts";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";

let coordinator: TestCoordinator;
beforeAll(async () => {
  coordinator = await startTestCoordinator();
});
afterAll(() => coordinator[Symbol.asyncDispose]());

const refusal = (msg: string, code = "error") => ({ status: 400, body: { detail: [{ msg, code }] } });

test("users see themselves with their token and both keys", async () => {
  const token = await coordinator.addUser("ann");
  const { body } = await coordinator.post("/api/users/get_my_user", undefined, { token });
  const user = UserWithCreds.parse(body);
  expect(user).toMatchObject({ username: "ann", global_role: "user", active: true, creds: { token } });
  expect(user.ssh_public_key).toMatch(/^ssh-rsa \S+ ann\n$/);
  const pair = createPublicKey(createPrivateKey(user.ssh_private_key ?? ""));
  expect(pair.asymmetricKeyType).toBe("rsa");
  expect(await coordinator.post("/api/users/get_user", { username: "ANN" }, { token })).toMatchObject({
    body: { username: "ann" },
  });
});

test("nobody sees others, but admins do, without their tokens", async () => {
  const token = await coordinator.addUser("bob");
  expect(await coordinator.post("/api/users/get_user", { username: "ann" }, { token })).toMatchObject(
    refusal("Resource not found", "resource_not_exists"),
  );
  expect(await coordinator.post("/api/users/list", undefined, { token })).toMatchObject({
    body: [{ username: "bob" }],
  });
  expect(await coordinator.post("/api/users/get_user", { username: "ann" })).toMatchObject({
    body: { username: "ann", creds: { token: "" } },
  });
  const { body } = await coordinator.post("/api/users/list", { return_total_count: true, limit: 1 });
  expect(body).toMatchObject({ total_count: 3, users: [{ username: "bob" }] });
});

test("names are unique whatever the case, and of plain characters", async () => {
  const create = (username: string) =>
    coordinator.post("/api/users/create", { username, global_role: "user" });
  expect(await create("Bob")).toMatchObject(refusal('User "Bob" exists already', "resource_exists"));
  expect((await create("no spaces")).status).toBe(400);
  expect((await create("")).status).toBe(400);
});

test("a deleted or inactive user is refused; the admin stays", async () => {
  const token = await coordinator.addUser("leaver");
  expect(await coordinator.post("/api/users/delete", { users: ["leaver"] })).toMatchObject({ status: 200 });
  expect((await coordinator.post("/api/users/get_my_user", undefined, { token })).status).toBe(403);
  expect(await coordinator.post("/api/users/delete", { users: ["admin"] })).toMatchObject(
    refusal('User "admin" cannot be deleted'),
  );
  const wish = { username: "dormant", global_role: "user", active: false };
  const { body } = await coordinator.post("/api/users/create", wish);
  const { token: dormant } = UserWithCreds.parse(body).creds;
  expect((await coordinator.post("/api/users/get_my_user", undefined, { token: dormant })).status).toBe(403);
});
