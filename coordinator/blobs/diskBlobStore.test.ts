import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { openDiskBlobStore } from "./diskBlobStore.ts";

const bytes = new TextEncoder().encode("weights");
const sha256 = createHash("sha256").update(bytes).digest("hex");

test("put() keeps bytes under their hash, once", async () => {
  using dir = tempDir();
  const blobs = openDiskBlobStore(dir.path);
  expect(await blobs.find(sha256)).toBeUndefined();
  expect(await blobs.put(sha256, bytes)).toBe(true);
  expect(await blobs.put(sha256, bytes)).toBe(false);
  expect(await (await blobs.find(sha256))?.text()).toBe("weights");
});

test("put() takes a stream, and two at a time", async () => {
  using dir = tempDir();
  const blobs = openDiskBlobStore(dir.path);
  const parts = () =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(bytes.slice(0, 3));
        controller.enqueue(bytes.slice(3));
        controller.close();
      },
    });
  await Promise.all([blobs.put(sha256, parts()), blobs.put(sha256, parts())]);
  expect(await (await blobs.find(sha256))?.text()).toBe("weights");
});

test("put() refuses bytes with another hash and leaves nothing behind", async () => {
  using dir = tempDir();
  const blobs = openDiskBlobStore(dir.path);
  const wrong = "0".repeat(64);
  expect(blobs.put(wrong, bytes)).rejects.toThrow(`does not have the SHA-256 ${wrong}`);
  await Promise.allSettled([blobs.put(wrong, bytes)]);
  expect(await blobs.has(wrong)).toBe(false);
  expect(readdirSync(join(dir.path, "00"))).toEqual([]);
});

test("a hash that is a path is refused", async () => {
  using dir = tempDir();
  expect(openDiskBlobStore(dir.path).find("../../etc/passwd")).rejects.toThrow("is not a SHA-256");
});
