import { expect, test } from "bun:test";
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../shared/testing/tempDir.ts";
import { type RunningCoordinator, startCoordinator } from "./main.ts";

const started = async (dir: string, env: Record<string, string> = {}) => {
  const coordinator = await startCoordinator({
    env: { DSTACK_SERVER_DIR: dir, DSTACK_SERVER_PORT: "0", DSTACK_SERVER_LOG_LEVEL: "error", ...env },
  });
  return Object.assign(coordinator, { [Symbol.asyncDispose]: () => coordinator.stop() });
};

const post = ({ url }: RunningCoordinator, path: string, token: string) =>
  fetch(`${url}${path}`, { method: "POST", headers: { authorization: `Bearer ${token}` } });

test("the first start makes an admin, a project and a way to join; the next one keeps them", async () => {
  using dir = tempDir();
  let token = "";
  {
    await using first = await started(dir.path);
    token = first.adminToken ?? "";
    expect(token.length).toBeGreaterThan(30);
    expect(first.joinCommand).toStartWith(`curl -fsSL ${first.url}/install.sh | sh -s -- --token `);
    expect((await fetch(`${first.url}/healthcheck`)).status).toBe(200);
    const projects = (await (await post(first, "/api/projects/list", token)).json()) as unknown[];
    expect(projects).toMatchObject([{ project_name: "main" }]);
    expect((await post(first, "/api/projects/list", "wrong")).status).toBe(403);
  }
  await using second = await started(dir.path);
  expect(second.adminToken).toBeUndefined();
  expect((await post(second, "/api/projects/list", token)).status).toBe(200);
});

test("a token that is given replaces the admin's", async () => {
  using dir = tempDir();
  await (await startCoordinator({ env: { DSTACK_SERVER_DIR: dir.path, DSTACK_SERVER_PORT: "0" } })).stop();
  await using given = await started(dir.path, { DSTACK_SERVER_ADMIN_TOKEN: "given-token" });
  expect(given.adminToken).toBe("given-token");
  expect((await post(given, "/api/projects/list", "given-token")).status).toBe(200);
});

test("what is stored does not contain the token, and only its owner can read the key", async () => {
  using dir = tempDir();
  let token = "";
  {
    await using coordinator = await started(dir.path);
    token = coordinator.adminToken ?? "";
  }
  const database = join(dir.path, "data", "coordinator.db");
  expect(readFileSync(database).includes(token)).toBe(false);
  expect(statSync(join(dir.path, "data", "encryption.key")).mode & 0o777).toBe(0o600);
});

test("a port in use is refused in a sentence, and nothing stays locked", async () => {
  using dir = tempDir();
  const taken = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const wanted = { DSTACK_SERVER_PORT: String(taken.port) };
  expect(started(dir.path, wanted)).rejects.toThrow(`Cannot listen on 127.0.0.1:${taken.port}`);
  await taken.stop(true);
  await using _now = await started(dir.path, wanted);
});

test("one coordinator at a time works in a folder", async () => {
  using dir = tempDir();
  await using _first = await started(dir.path);
  expect(started(dir.path)).rejects.toThrow(`Another process uses the folder ${dir.path}`);
});

test("a server folder that cannot be made is refused in a sentence", async () => {
  using dir = tempDir();
  writeFileSync(join(dir.path, "file"), "");
  expect(started(join(dir.path, "file", "server"))).rejects.toThrow("Cannot use the server folder");
});

test("a damaged database is refused in a sentence and left as it is", async () => {
  using dir = tempDir();
  await (await startCoordinator({ env: { DSTACK_SERVER_DIR: dir.path, DSTACK_SERVER_PORT: "0" } })).stop();
  const database = join(dir.path, "data", "coordinator.db");
  const rubbish = "not a database at all ".repeat(500);
  writeFileSync(database, rubbish);
  for (const ending of ["-wal", "-shm"]) rmSync(database + ending, { force: true });
  expect(started(dir.path)).rejects.toThrow("Cannot open the database");
  expect(readFileSync(database, "utf8")).toBe(rubbish);
});
