import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { systemClock } from "../../shared/clock.ts";
import { ideServerOf } from "../../shared/config/ideServers.ts";
import { silentLogger } from "../../shared/log.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { openDiskBlobStore } from "./diskBlobStore.ts";
import { openIdeArchives } from "./ideArchives.ts";

const dir = tempDir();
const folder = join(dir.path, "ide");
const blobs = openDiskBlobStore(join(dir.path, "blobs"), systemClock);
const archives = openIdeArchives({ folder, downloads: undefined, blobs, log: silentLogger });
beforeAll(() => mkdirSync(folder));
afterAll(() => dir[Symbol.dispose]());

const find = (version: string, arch: "x86" | "arm" = "x86") => {
  const server = ideServerOf({ ide: "vscode", version });
  if (!server) throw new Error(version);
  return archives.find(server, arch);
};
const put = (name: string, content: string) => writeFileSync(join(folder, name), gzipSync(content));
const hashOf = (content: string) => new Bun.CryptoHasher("sha256").update(content).digest("hex");

test("what is put into the folder is a blob when it is asked for, uncompressed", async () => {
  expect(await find("abc")).toBeUndefined();
  put("vscode-abc-x64.tar.gz", "first");
  expect(await find("abc")).toBe(hashOf("first"));
  expect(await (await blobs.find(hashOf("first")))?.text()).toBe("first");
  expect([await find("abc", "arm"), await find("abd")]).toEqual([undefined, undefined]);
  put("vscode-abc-arm64.tar.gz", "other");
  expect(await find("abc", "arm")).toBe(hashOf("other"));
});

test("another file of the name is another archive; a blob that was removed is made again", async () => {
  put("vscode-abc-x64.tar.gz", "second one");
  const both = [hashOf("second one"), hashOf("second one")];
  expect(await Promise.all([find("abc"), find("abc")])).toEqual([both[0], both[1]]);
  const sha256 = hashOf("second one");
  rmSync(join(dir.path, "blobs", sha256.slice(0, 2), sha256));
  expect(await find("abc")).toBe(sha256);
  expect(await blobs.has(sha256)).toBe(true);
});

test("what is no archive is passed over, and leaves nothing", async () => {
  writeFileSync(join(folder, "vscode-bad-x64.tar.gz"), "rubbish");
  mkdirSync(join(folder, "vscode-dir-x64.tar.gz"));
  expect([await find("bad"), await find("dir")]).toEqual([undefined, undefined]);
  expect(readdirSync(folder).filter((name) => name.startsWith("."))).toEqual([]);
});
