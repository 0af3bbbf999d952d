import { expect, test } from "bun:test";
import { existsSync, readdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../shared/clock.ts";
import { silentLogger } from "../../shared/log.ts";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { testOnSmallDisk } from "../../shared/testing/smallDisk.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { openDiskBlobStore } from "./diskBlobStore.ts";
import { type UploadKey, UploadStore } from "./uploadStore.ts";

const content = new TextEncoder().encode("0123456789");
const sha256Of = (bytes: Uint8Array) => new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
const key: UploadKey = { userId: "ann", sha256: sha256Of(content), size: content.length };
const NO_LIMIT = Number.POSITIVE_INFINITY;

const openStore = (folder: string, clock = systemClock) => {
  const blobs = openDiskBlobStore(join(folder, "blobs"), clock);
  const uploads = new UploadStore({ folder: join(folder, "uploads"), blobs, clock, log: silentLogger });
  return { uploads, blobs };
};

/** The files of unfinished uploads. */
const filesOf = (folder: string): string[] =>
  existsSync(join(folder, "uploads"))
    ? readdirSync(join(folder, "uploads"), { withFileTypes: true, recursive: true })
        .filter((entry) => entry.isFile())
        .map((entry) => entry.name)
    : [];

test("an upload goes on from what has arrived, in another process too", async () => {
  using dir = tempDir();
  const first = openStore(dir.path).uploads;
  expect(await first.begin(key, NO_LIMIT)).toBe(0);
  expect(await first.append(key, 0, content.subarray(0, 4))).toBe(4);
  await first.close();
  const { uploads, blobs } = openStore(dir.path);
  expect(await uploads.begin(key, NO_LIMIT)).toBe(4);
  await expect(uploads.finish(key)).rejects.toThrow(`The upload of ${key.sha256} has 4 of 10 bytes`);
  expect(await uploads.append(key, 4, content.subarray(4))).toBe(10);
  expect(await uploads.finish(key)).toBe(true);
  expect(await (await blobs.find(key.sha256))?.text()).toBe("0123456789");
  expect(filesOf(dir.path)).toEqual([]);
});

test("a repeat is skipped, and what lies behind a gap is not taken", async () => {
  using dir = tempDir();
  const { uploads } = openStore(dir.path);
  await uploads.begin(key, NO_LIMIT);
  expect(await uploads.append(key, 3, content.subarray(3))).toBe(0);
  expect(await uploads.append(key, 0, content.subarray(0, 6))).toBe(6);
  expect(await uploads.append(key, 0, content.subarray(0, 4))).toBe(6);
  expect(await uploads.append(key, 4, content.subarray(4))).toBe(10);
  await expect(uploads.append(key, 10, content.subarray(9))).rejects.toThrow("has more than 10 bytes");
  expect(await uploads.finish(key)).toBe(true);
});

test("two who send the same at once end with one whole", async () => {
  using dir = tempDir();
  const { uploads, blobs } = openStore(dir.path);
  const send = async () => {
    let offset = await uploads.begin(key, NO_LIMIT);
    while (offset < key.size)
      offset = await uploads.append(key, offset, content.subarray(offset, offset + 3));
  };
  await Promise.all([send(), send(), send()]);
  expect(await uploads.finish(key)).toBe(true);
  expect(await (await blobs.find(key.sha256))?.text()).toBe("0123456789");
});

test("what does not have its hash is gone, and naming the hash of another's upload gives nothing", async () => {
  using dir = tempDir();
  const { uploads, blobs } = openStore(dir.path);
  await uploads.begin(key, NO_LIMIT);
  await uploads.append(key, 0, content.toReversed());
  expect(await uploads.finish(key)).toBe(false);
  expect(await blobs.has(key.sha256)).toBe(false);
  await expect(uploads.finish(key)).rejects.toMatchObject({ code: "not_found" });
  await uploads.begin(key, NO_LIMIT);
  await uploads.append(key, 0, content);
  const other = { ...key, userId: "bob" };
  expect(await uploads.begin(other, NO_LIMIT)).toBe(0);
  await expect(uploads.finish(other)).rejects.toThrow("has 0 of 10 bytes");
});

test("what a user leaves unfinished is limited, and makes room when it has been left alone", async () => {
  using dir = tempDir();
  const { uploads } = openStore(dir.path);
  const another = { ...key, sha256: "1".repeat(64), size: 95 };
  await uploads.begin(key, 100);
  await expect(uploads.begin(another, 100)).rejects.toThrow("You have too many unfinished uploads");
  expect(await uploads.begin({ ...another, userId: "bob" }, 100)).toBe(0);
  const path = join(dir.path, "uploads", "ann", `${key.sha256}.10`);
  const longAgo = Date.now() / 1000 - 3600;
  utimesSync(path, longAgo, longAgo);
  expect(await uploads.begin(another, 100)).toBe(0);
  expect(existsSync(path)).toBe(false);
});

test("what nothing is added to for a day is removed", async () => {
  using dir = tempDir();
  const clock = new FakeClock();
  const { uploads } = openStore(dir.path, clock);
  await uploads.begin(key, NO_LIMIT);
  const [path, begun] = [join(dir.path, "uploads", "ann", `${key.sha256}.10`), clock.now() / 1000];
  utimesSync(path, begun, begun);
  clock.advance(23 * 3600_000);
  await uploads.append(key, 0, content.subarray(0, 1));
  utimesSync(path, begun + 3600, begun + 3600);
  clock.advance(3600_000);
  expect(await uploads.begin(key, NO_LIMIT)).toBe(1);
  clock.advance(2 * 3600_000);
  await waitFor("the upload is gone", () => !existsSync(path));
  await uploads.close();
});

testOnSmallDisk("a full disk is named, and nothing half-written stays on it", async (disk) => {
  const { uploads } = openStore(disk.path);
  const large = new Uint8Array(600_000).fill(7);
  const wish = { userId: "ann", sha256: sha256Of(large), size: large.length };
  await expect(uploads.begin({ ...wish, size: 2_000_000 }, NO_LIMIT)).rejects.toThrow(
    "The disk of the server is full: it has room for",
  );
  await uploads.begin(wish, NO_LIMIT);
  await uploads.append(wish, 0, large.subarray(0, 1000));
  disk.fill(true);
  await expect(uploads.append(wish, 1000, large.subarray(1000))).rejects.toThrow(
    "The disk of the server is full: it has room for 0B, and 585.0KiB are to come",
  );
  expect(filesOf(disk.path)).toEqual([]);
  async function* pieces() {
    yield large;
  }
  disk.fill(true);
  await expect(uploads.receive(pieces(), NO_LIMIT)).rejects.toThrow("The disk of the server is full");
  expect(filesOf(disk.path)).toEqual([]);
  disk.fill(false);
  await using received = await uploads.receive(pieces(), NO_LIMIT);
  expect(received.sha256).toBe(wish.sha256);
});
