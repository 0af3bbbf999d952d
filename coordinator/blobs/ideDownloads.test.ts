import { afterAll, afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { ideServerOf } from "../../shared/config/ideServers.ts";
import { silentLogger } from "../../shared/log.ts";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { openDiskBlobStore } from "./diskBlobStore.ts";
import { openIdeArchives } from "./ideArchives.ts";
import { IdeDownloads } from "./ideDownloads.ts";

const clock = new FakeClock();
const asked: string[] = [];
let answer: () => Response;
const vendor = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request) => {
    asked.push(new URL(request.url).pathname);
    return answer();
  },
});
let dir: ReturnType<typeof tempDir>;
let downloads: IdeDownloads;
beforeEach(() => {
  asked.length = 0;
  answer = () => new Response(gzipSync("a server"));
  dir = tempDir();
  downloads = open();
});
afterEach(() => {
  downloads[Symbol.dispose]();
  dir[Symbol.dispose]();
});
afterAll(() => vendor.stop(true));

const folder = () => join(dir.path, "ide", "downloaded");
const blobs = () => openDiskBlobStore(join(dir.path, "blobs"), clock);
const open = () =>
  new IdeDownloads({
    folder: folder(),
    blobs: blobs(),
    clock,
    log: silentLogger,
    addressOf: ({ version }, arch) => `http://127.0.0.1:${vendor.port}/${version}/${arch}`,
  });
const serverOf = (version: string) => {
  const server = ideServerOf({ ide: "vscode", version });
  if (!server) throw new Error(version);
  return server;
};
const get = (version: string, arch: "x86" | "arm" = "x86") => downloads.get(serverOf(version), arch);
const sha256Of = (content: string) => new Bun.CryptoHasher("sha256").update(content).digest("hex");

test("who asks first does not wait for it, and who comes later has it", async () => {
  expect(await Promise.all([get("abc"), get("abc"), get("abc", "arm")])).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  await downloads.idle();
  expect(asked).toEqual(["/abc/x64", "/abc/arm64"]);
  expect(await get("abc")).toBe(join(folder(), "vscode-abc-x64.tar.gz"));
  expect(await Bun.file((await get("abc", "arm")) ?? "").bytes()).toEqual(
    new Uint8Array(gzipSync("a server")),
  );
  expect(asked.length).toBe(2);
});

test("jobs get what was downloaded, unless somebody has put another one there", async () => {
  const archives = openIdeArchives({
    folder: join(dir.path, "ide"),
    downloads,
    blobs: blobs(),
    log: silentLogger,
  });
  const find = () => archives.find(serverOf("abc"), "x86");
  expect(await find()).toBeUndefined();
  await downloads.idle();
  expect([await find(), await find()]).toEqual([sha256Of("a server"), sha256Of("a server")]);
  writeFileSync(join(dir.path, "ide", "vscode-abc-x64.tar.gz"), gzipSync("given"));
  expect(await find()).toBe(sha256Of("given"));
});

test("what is not there is asked for again after an hour, and not before", async () => {
  answer = () => new Response("no such release", { status: 404 });
  for (const expected of [1, 1, 1, 2]) {
    expect(await get("none")).toBeUndefined();
    await downloads.idle();
    expect(asked.length).toBe(expected);
    clock.advance(20 * 60_000);
  }
  expect(readdirSync(folder())).toEqual([]);
});

test("what comes in place of an archive is of no use, and asked for again after an hour", async () => {
  answer = () => new Response("<html>Sign in to the network</html>");
  const archives = openIdeArchives({
    folder: join(dir.path, "ide"),
    downloads,
    blobs: blobs(),
    log: silentLogger,
  });
  const find = async () => {
    const found = await archives.find(serverOf("abc"), "x86");
    await downloads.idle();
    return found;
  };
  expect([await find(), await find(), await find()]).toEqual([undefined, undefined, undefined]);
  expect([asked.length, readdirSync(folder())]).toEqual([1, []]);
  answer = () => new Response(gzipSync("a server"));
  clock.advance(61 * 60_000);
  expect([await find(), await find()]).toEqual([undefined, sha256Of("a server")]);
});

test("one that breaks off leaves nothing, nor does a coordinator that was killed", async () => {
  using rude = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data: (socket) => void socket.end("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\na beginning"),
    },
  });
  answer = () => Response.redirect(`http://127.0.0.1:${rude.port}/`);
  await get("abc");
  await downloads.idle();
  expect([asked, readdirSync(folder())]).toEqual([["/abc/x64"], []]);
  writeFileSync(join(folder(), ".half.part"), "half");
  open()[Symbol.dispose]();
  expect(readdirSync(folder())).toEqual([]);
});

test("those that were used last are kept, eight of them", async () => {
  const versions = Array.from({ length: 8 }, (_, i) => `v${i}`);
  for (const version of versions) {
    await get(version);
    await downloads.idle();
    clock.advance(1_000);
  }
  // The first one is used again, so the second one is the oldest.
  for (const version of versions) {
    expect(await get(version)).toBeDefined();
    clock.advance(1_000);
  }
  await get("v0");
  clock.advance(1_000);
  await get("v8");
  await downloads.idle();
  const has = (version: string) => existsSync(join(folder(), `vscode-${version}-x64.tar.gz`));
  expect([has("v0"), has("v1"), has("v2"), has("v8")]).toEqual([true, false, true, true]);
});

test("it ends with the coordinator", async () => {
  mkdirSync(folder(), { recursive: true });
  answer = () => new Response(new ReadableStream({ start: (controller) => controller.enqueue("a") }));
  await get("abc");
  downloads[Symbol.dispose]();
  await downloads.idle();
  expect(readdirSync(folder())).toEqual([]);
  expect(await get("abd")).toBeUndefined();
});
