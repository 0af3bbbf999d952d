import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect } from "node:net";
import type { FileArchive } from "../../shared/api/files.ts";
import {
  AppendUploadAnswer,
  BeginCodeUploadAnswer,
  BeginUploadAnswer,
  FinishCodeUploadAnswer,
  FinishUploadAnswer,
  UploadLimits,
} from "../../shared/api/uploads.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";

const P = "/api/project/main";
let coordinator: TestCoordinator;
let ann: string;
let bob: string;

beforeAll(async () => {
  coordinator = await startTestCoordinator({ DSTACK_SERVER_UPLOAD_LIMIT: String(64 * 1024 ** 2) });
  ann = await coordinator.addUser("ann", "user");
  bob = await coordinator.addUser("bob", "user");
});
afterAll(() => coordinator[Symbol.asyncDispose]());

const newContent = (size: number) => {
  const bytes = new Uint8Array(size);
  crypto.getRandomValues(bytes.subarray(0, Math.min(size, 65_536)));
  return { bytes, hash: new Bun.CryptoHasher("sha256").update(bytes).digest("hex"), size };
};
type Content = ReturnType<typeof newContent>;

const begin = async ({ hash, size }: Omit<Content, "bytes">, token = ann) =>
  BeginUploadAnswer.parse(
    (await coordinator.post("/api/files/begin_upload", { hash, size }, { token })).body,
  );
const finish = async ({ hash, size }: Omit<Content, "bytes">, token = ann): Promise<FileArchive | null> =>
  FinishUploadAnswer.parse(
    (await coordinator.post("/api/files/finish_upload", { hash, size }, { token })).body,
  ).archive;

const sendPart = (
  content: Omit<Content, "bytes">,
  { offset, body, token = ann }: { offset: number; body: string | Uint8Array<ArrayBuffer>; token?: string },
) =>
  fetch(
    `${coordinator.url}/api/files/append_upload?hash=${content.hash}&size=${content.size}&offset=${offset}`,
    { method: "POST", body, headers: { authorization: `Bearer ${token}` } },
  );

const append = async (content: Content, [from, to]: [number, number], token = ann): Promise<number> => {
  const body = content.bytes.slice(from, to);
  const response = await sendPart(content, { offset: from, body, token });
  return AppendUploadAnswer.parse(await response.json()).offset;
};

test("an archive that comes in parts is one like any other", async () => {
  const { body } = await coordinator.post("/api/files/get_upload_limits", undefined, { token: ann });
  const part = 8 * 1024 ** 2;
  expect(UploadLimits.parse(body)).toEqual({
    max_bytes: 64 * 1024 ** 2,
    setting: "DSTACK_SERVER_UPLOAD_LIMIT",
    part_bytes: part,
  });
  const content = newContent(20 * 1024 ** 2);
  expect(await begin(content)).toEqual({ archive: null, offset: 0 });
  expect(await append(content, [0, part])).toBe(part);
  expect(await begin(content)).toEqual({ archive: null, offset: part });
  expect(await append(content, [part, 2 * part])).toBe(2 * part);
  expect(await append(content, [2 * part, content.size])).toBe(content.size);
  const archive = await finish(content);
  expect(archive?.hash).toBe(content.hash);
  expect(await finish(content)).toEqual(archive);
  expect(await begin(content)).toEqual({ archive, offset: content.size });
  const known = await coordinator.post(
    "/api/files/get_archive_by_hash",
    { hash: content.hash },
    { token: ann },
  );
  expect(known.body).toEqual(archive);
});

test("whoever names the hash of another's archive has to send the bytes", async () => {
  const content = newContent(1000);
  await begin(content);
  await append(content, [0, 1000]);
  const archive = await finish(content);
  expect(await begin(content, bob)).toEqual({ archive: null, offset: 0 });
  const early = await coordinator.post(
    "/api/files/finish_upload",
    { hash: content.hash, size: 1000 },
    { token: bob },
  );
  expect(early).toMatchObject({
    status: 400,
    body: { detail: [{ msg: expect.stringContaining("has 0 of 1000 bytes") }] },
  });
  const other = await append({ ...content, bytes: new Uint8Array(1000) }, [0, 1000], bob);
  expect(other).toBe(1000);
  expect(await finish(content, bob)).toBeNull();
  await begin(content, bob);
  await append(content, [0, 1000], bob);
  const own = await finish(content, bob);
  expect(own?.hash).toBe(content.hash);
  expect(own?.id).not.toBe(archive?.id ?? "");
});

test("of a request that is cut off, what came is kept", async () => {
  const content = newContent(4 * 1024 ** 2);
  await begin(content);
  const socket = connect(Number(new URL(coordinator.url).port), "127.0.0.1");
  const query = `hash=${content.hash}&size=${content.size}&offset=0`;
  socket.write(
    `POST /api/files/append_upload?${query} HTTP/1.1\r\nhost: localhost\r\n` +
      `authorization: Bearer ${ann}\r\ncontent-length: ${content.size}\r\n\r\n`,
  );
  await new Promise<void>((resolve) => socket.write(content.bytes.subarray(0, 1024 ** 2), () => resolve()));
  socket.destroy();
  const cutAt = await waitFor("something has arrived", async () => {
    const { offset } = await begin(content);
    return offset > 0 && offset;
  });
  expect(cutAt).toBeLessThanOrEqual(1024 ** 2);
  expect(await append(content, [cutAt, content.size])).toBe(content.size);
  expect((await finish(content))?.hash).toBe(content.hash);
});

test("every input has its limit", async () => {
  const content = newContent(100);
  const refusal = async (path: string, body: unknown) =>
    JSON.stringify((await coordinator.post(path, body, { token: ann })).body);
  expect(await refusal("/api/files/begin_upload", { hash: content.hash, size: 65 * 1024 ** 2 })).toContain(
    "Archive size is 65.0MiB, which exceeds the limit of 64.0MiB. Use .gitignore/.dstackignore to exclude large " +
      "files. This limit can be modified by setting the DSTACK_SERVER_UPLOAD_LIMIT environment variable.",
  );
  expect(await refusal("/api/files/begin_upload", { hash: "../x", size: 1 })).toContain("hash");
  expect(await refusal("/api/files/begin_upload", { hash: content.hash, size: 0 })).toContain("size");
  await begin(content);
  const sendSize = async (size: number, offset: number, asSize = 100) =>
    (await sendPart({ hash: content.hash, size: asSize }, { offset, body: new Uint8Array(size) })).status;
  expect(await sendSize(101, 0)).toBe(400);
  expect(await sendSize(8 * 1024 ** 2 + 1, 0)).toBe(413);
  expect(await sendSize(10, -1)).toBe(422);
  expect(await sendSize(10, 0, 99)).toBe(400);
  expect((await sendPart(content, { offset: 0, body: "x", token: "nobody" })).status).toBe(403);
});

test("code comes in parts as well, into a repository that is known, and is the project's then", async () => {
  const { hash, size, bytes } = newContent(5000);
  const wish = { repo_id: "app-1a2b3c4d", hash, size };
  const beginCode = (token: string) => coordinator.post(`${P}/repos/begin_code_upload`, wish, { token });
  const finishCode = () => coordinator.post(`${P}/repos/finish_code_upload`, wish, { token: ann });
  expect(await beginCode(ann)).toMatchObject({
    status: 400,
    body: { detail: [{ code: "repo_does_not_exist" }] },
  });
  const repo = { repo_id: wish.repo_id, repo_info: { repo_type: "remote", repo_name: "app" } };
  await coordinator.post(`${P}/repos/init`, { ...repo, repo_creds: null }, { token: ann });
  const begun = BeginCodeUploadAnswer.parse((await beginCode(ann)).body);
  expect(begun).toEqual({ is_known: false, offset: 0 });
  await append({ hash, size, bytes: bytes.toReversed() }, [0, size]);
  expect(FinishCodeUploadAnswer.parse((await finishCode()).body).is_kept).toBe(false);
  await beginCode(ann);
  await append({ hash, size, bytes }, [0, size]);
  expect(FinishCodeUploadAnswer.parse((await finishCode()).body).is_kept).toBe(true);
  expect(FinishCodeUploadAnswer.parse((await finishCode()).body).is_kept).toBe(true);
  expect((await beginCode(bob)).body).toEqual({ is_known: true, offset: size });
  const stranger = await coordinator.addUser("eve");
  expect((await beginCode(stranger)).status).toBe(403);
});
