import { afterAll, beforeAll, expect, test } from "bun:test";
import { createPrivateKey, createPublicKey } from "node:crypto";
import { PublicKeyInfo, UserWithCreds } from "../../shared/api/users.ts";
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

test("an admin changes users; the admin stays one", async () => {
  const token = await coordinator.addUser("changing");
  const change = (wish: Record<string, unknown>) =>
    coordinator.post("/api/users/update", { username: "changing", global_role: "user", ...wish });
  expect(await change({ email: "c@example.com" })).toMatchObject({
    status: 200,
    body: { username: "changing", email: "c@example.com", active: true },
  });
  expect((await change({ global_role: "admin" })).body).toMatchObject({ global_role: "admin", email: null });
  expect((await coordinator.post("/api/users/list", {}, { token })).body).not.toHaveLength(1);
  await change({ active: false });
  expect((await coordinator.post("/api/users/get_my_user", undefined, { token })).status).toBe(403);
  await change({});
  expect((await coordinator.post("/api/users/get_my_user", undefined, { token })).status).toBe(200);
  expect(await change({ username: "nobody" })).toMatchObject(
    refusal('User "nobody" not found', "resource_not_exists"),
  );
  for (const wish of [{ global_role: "user" }, { global_role: "admin", active: false }])
    expect(await change({ username: "admin", ...wish })).toMatchObject(
      refusal('User "admin" stays an active admin'),
    );
});

test("keys are replaced by their owner or an admin, and nobody else", async () => {
  const token = await coordinator.addUser("renewer");
  const refresh = async (options: { token?: string }) =>
    coordinator.post("/api/users/refresh_ssh_key", { username: "renewer" }, options);
  const keyOf = async () =>
    UserWithCreds.parse((await coordinator.post("/api/users/get_my_user", undefined, { token })).body);
  const before = await keyOf();
  const { status, body } = await refresh({ token });
  expect(status).toBe(200);
  const after = UserWithCreds.parse(body);
  expect(after.ssh_public_key).not.toBe(before.ssh_public_key);
  expect(after).toEqual(await keyOf());
  const byAdmin = UserWithCreds.parse((await refresh({})).body);
  expect(byAdmin.creds.token).toBe("");
  expect((await keyOf()).ssh_public_key).toBe(byAdmin.ssh_public_key);
  expect((await refresh({ token: await coordinator.addUser("stranger") })).status).toBe(403);
});

test("further keys are their owner's alone", async () => {
  const [token, other] = [await coordinator.addUser("keyed"), await coordinator.addUser("other")];
  const key = `${UserWithCreds.parse((await coordinator.post("/api/users/get_my_user")).body).ssh_public_key}`;
  const post = (path: string, body?: unknown, as = token) =>
    coordinator.post(`/api/users/public_keys/${path}`, body, { token: as });
  const added = await post("add", { key });
  expect(added).toMatchObject({ status: 200, body: { name: "admin", type: "ssh-rsa" } });
  expect(await post("add", { key, name: "again" })).toMatchObject({
    status: 400,
    body: { detail: [{ code: "resource_exists" }] },
  });
  expect(await post("add", { key: "nothing" })).toMatchObject({ status: 400 });
  expect((await post("list")).body).toEqual([added.body]);
  expect((await post("list", undefined, other)).body).toEqual([]);
  const ids = [PublicKeyInfo.parse(added.body).id];
  expect(await post("delete", { ids }, other)).toMatchObject({ status: 200, body: null });
  expect((await post("list")).body).toHaveLength(1);
  expect(await post("delete", { ids })).toMatchObject({ status: 200, body: null });
  expect((await post("list")).body).toEqual([]);
});
