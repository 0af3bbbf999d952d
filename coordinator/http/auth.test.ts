import { expect, test } from "bun:test";
import { startTestCoordinator } from "../testing/startTestCoordinator.ts";

const NOT_FOUND = { status: 404, body: { detail: { msg: "Not found", code: null } } };

test("nobody logs in without a token: there are no providers", async () => {
  await using coordinator = await startTestCoordinator();
  const post = (path: string, body?: unknown) => coordinator.post(`/api/auth/${path}`, body, { token: null });
  expect(await post("list_providers")).toMatchObject({ status: 200, body: [] });
  expect(await post("github/authorize", { local_port: 1234 })).toMatchObject(NOT_FOUND);
  expect(await post("github/authorize")).toMatchObject(NOT_FOUND);
  expect((await post("github/authorize", { local_port: 0 })).status).toBe(422);
  expect(await post("github/callback", { code: "c", state: "s" })).toMatchObject(NOT_FOUND);
  expect((await post("github/callback", {})).status).toBe(422);
  expect(await post("get_next_redirect", { code: "c", state: "s" })).toMatchObject({
    status: 400,
    body: { detail: [{ msg: "Invalid state token", code: "error" }] },
  });
});

test("a proxy for SSH has a token of its own", async () => {
  const id = "0".repeat(32);
  const denied = { status: 403, body: { detail: { msg: "Access denied", code: null } } };
  {
    await using coordinator = await startTestCoordinator();
    expect(await coordinator.post("/api/sshproxy/get_upstream", { id })).toMatchObject(denied);
  }
  await using coordinator = await startTestCoordinator({ DSTACK_SSHPROXY_API_TOKEN: "of-the-proxy" });
  const ask = (token: string | null, body: unknown) =>
    coordinator.post("/api/sshproxy/get_upstream", body, { token });
  expect((await ask(null, { id })).status).toBe(401);
  expect(await ask(coordinator.adminToken, { id })).toMatchObject(denied);
  expect((await ask("of-the-proxy", { id: 1 })).status).toBe(422);
  expect(await ask("of-the-proxy", { id })).toMatchObject({
    status: 400,
    body: { detail: [{ code: "resource_not_exists" }] },
  });
});
