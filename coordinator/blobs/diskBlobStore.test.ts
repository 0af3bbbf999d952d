import { expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../shared/clock.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { openDiskBlobStore } from "./diskBlobStore.ts";

const sha256 = new Bun.CryptoHasher("sha256").update("weights").digest("hex");

test("adopt() keeps a file's bytes under their hash, once, and two at a time", async () => {
  using dir = tempDir();
  const blobs = openDiskBlobStore(join(dir.path, "blobs"), systemClock);
  const newFile = (name: string) => {
    writeFileSync(join(dir.path, name), "weights");
    return join(dir.path, name);
  };
  expect(await blobs.find(sha256)).toBeUndefined();
  await Promise.all(["a", "b"].map((name) => blobs.adopt(sha256, newFile(name))));
  await blobs.adopt(sha256, newFile("c"));
  expect(await (await blobs.find(sha256))?.text()).toBe("weights");
  expect(["a", "b", "c"].filter((name) => existsSync(join(dir.path, name)))).toEqual([]);
});

test("a hash that is a path is refused", async () => {
  using dir = tempDir();
  await expect(openDiskBlobStore(dir.path, systemClock).find("../../etc/passwd")).rejects.toThrow(
    "is not a SHA-256",
  );
});
