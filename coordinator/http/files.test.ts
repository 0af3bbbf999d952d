import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { FileArchive } from "../../shared/api/files.ts";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";

const P = "/api/project/main";
let coordinator: TestCoordinator;

beforeAll(async () => {
  coordinator = await startTestCoordinator();
});
afterAll(() => coordinator[Symbol.asyncDispose]());

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

const upload = async (
  path: string,
  bytes: Uint8Array,
  options: { name?: string; token?: string; part?: string } = {},
) => {
  const form = new FormData();
  form.append(options.part ?? "file", new Blob([new Uint8Array(bytes)]), options.name ?? sha256(bytes));
  const response = await fetch(`${coordinator.url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${options.token ?? coordinator.adminToken}` },
    body: form,
  });
  return { status: response.status, body: (await response.json()) as unknown };
};

const ARCHIVES = "/api/files/upload_archive";
const refusal = (msg: string, code = "error") => ({ status: 400, body: { detail: [{ msg, code }] } });

test("the same archive of the same user is one", async () => {
  const bytes = new TextEncoder().encode("a tar");
  const first = FileArchive.parse((await upload(ARCHIVES, bytes)).body);
  expect(first.hash).toBe(sha256(bytes));
  expect((await upload(ARCHIVES, bytes)).body).toEqual(first);
  const token = await coordinator.addUser("ann");
  expect((await upload(ARCHIVES, bytes, { token })).body).not.toEqual(first);
  const wish = { hash: first.hash };
  expect(await coordinator.post("/api/files/get_archive_by_hash", wish)).toMatchObject({ body: first });
  expect(await coordinator.post("/api/files/get_archive_by_hash", { hash: "0".repeat(64) })).toMatchObject(
    refusal("Resource not found", "resource_not_exists"),
  );
});

test("an archive is what its name says, in the part that is asked for", async () => {
  const bytes = new TextEncoder().encode("another");
  const name = "0".repeat(64);
  expect(await upload(ARCHIVES, bytes, { name })).toMatchObject(
    refusal(`The file is named "${name}" but its SHA-256 is ${sha256(bytes)}`),
  );
  expect((await upload(ARCHIVES, bytes, { part: "other" })).status).toBe(422);
  expect((await coordinator.post(ARCHIVES, { file: "x" })).status).toBe(400);
});

test("what is over the limit is refused as the reference does", async () => {
  expect((await upload(ARCHIVES, new Uint8Array(2 * 1024 * 1024))).status).toBe(200);
  const { status, body } = await upload(ARCHIVES, new Uint8Array(3 * 1024 * 1024));
  expect(status).toBe(400);
  expect(JSON.stringify(body)).toContain("Archive size is 3.0MiB, which exceeds the limit of 2.0MiB.");
});

test("repositories are known by the id that clients give them", async () => {
  const repo = { repo_id: "app-1a2b3c4d", repo_info: { repo_type: "remote", repo_name: "app" } };
  const get = (repo_id: string) => coordinator.post(`${P}/repos/get`, { repo_id, include_creds: true });
  expect(await get("app-1a2b3c4d")).toMatchObject(refusal("Resource not found", "resource_not_exists"));
  for (let again = 0; again < 2; again++)
    expect(await coordinator.post(`${P}/repos/init`, { ...repo, repo_creds: null })).toMatchObject({
      status: 200,
      body: null,
    });
  expect(await get("app-1a2b3c4d")).toMatchObject({ status: 200, body: { ...repo, repo_creds: null } });
  expect(await coordinator.post(`${P}/repos/list`)).toMatchObject({ body: [repo] });
});

test("code belongs to a repository that is known", async () => {
  const bytes = new TextEncoder().encode("a diff");
  expect(await upload(`${P}/repos/upload_code?repo_id=none`, bytes)).toMatchObject(
    refusal("Repo none does not exist", "repo_does_not_exist"),
  );
  await coordinator.post(`${P}/repos/init`, { repo_id: "none", repo_info: { repo_type: "virtual" } });
  expect(await upload(`${P}/repos/upload_code?repo_id=none`, bytes)).toMatchObject({
    status: 200,
    body: null,
  });
  expect((await upload(`${P}/repos/upload_code`, bytes)).status).toBe(422);
});
