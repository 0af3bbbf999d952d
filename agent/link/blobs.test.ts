import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Backoff } from "../../shared/async/backoff.ts";
import { silentLogger } from "../../shared/log.ts";
import { testOnSmallDisk } from "../../shared/testing/smallDisk.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { trimBlobs } from "./blobCache.ts";
import { createFetchBlob, type FetchBlob } from "./blobs.ts";

const signal = new AbortController().signal;

interface Origin extends AsyncDisposable {
  readonly blobs: Map<string, Uint8Array>;
  /** How much of a blob each download got, in order. */
  readonly sent: number[];
  /** The next downloads are cut off, each when it has so many bytes on its disk. */
  readonly cuts: { at: number; path: string }[];
  /** A coordinator that knows nothing of ranges. */
  isWithoutRanges: boolean;
  fetcher(dir: string): FetchBlob;
}

/** The coordinator's side, with a line that can be cut in the middle. */
const openOrigin = async (): Promise<Origin> => {
  const origin = { blobs: new Map<string, Uint8Array>(), sent: [] as number[], cuts: [] as Origin["cuts"] };
  const faults = { isWithoutRanges: false };
  const server = createServer((request, response) => {
    const blob = origin.blobs.get(request.url?.split("/").at(-1) ?? "");
    if (!blob) {
      response.writeHead(404, { "content-type": "application/json" });
      response.end(JSON.stringify({ error: { code: "not_found", message: "No such blob" } }));
      return;
    }
    const range = faults.isWithoutRanges ? null : /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
    const from = Number(range?.[1] ?? 0);
    const cut = origin.cuts.shift();
    const until = cut?.at ?? blob.length;
    origin.sent.push(until - from);
    response.writeHead(range ? 206 : 200, { "content-length": blob.length - from });
    response.write(blob.subarray(from, until));
    if (cut)
      void waitFor("the bytes", () => statSync(cut.path, { throwIfNoEntry: false })?.size === until).finally(
        () => response.destroy(),
      );
    else response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(faults, origin, {
    fetcher: (dir: string) =>
      createFetchBlob({
        link: { url: `http://127.0.0.1:${port}`, token: () => "token" },
        dir,
        log: silentLogger,
        backoff: () => new Backoff({ firstMs: 1, longestMs: 1 }),
      }),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
};

const addBlob = ({ blobs }: Origin, size = 60_000) => {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  blobs.set(sha256, bytes);
  return { bytes, sha256 };
};

test("a blob is downloaded once, for two who want it at once too, and never with another hash", async () => {
  await using origin = await openOrigin();
  using dir = tempDir();
  const { bytes, sha256 } = addBlob(origin);
  const fetchBlob = origin.fetcher(join(dir.path, "blobs"));
  const [path, same] = await Promise.all([fetchBlob(sha256, signal), fetchBlob(sha256, signal)]);
  expect(same).toBe(path);
  expect(await Bun.file(path).bytes()).toEqual(bytes);
  expect(await fetchBlob(sha256, signal)).toBe(path);
  expect(origin.sent).toEqual([60_000]);
  const other = "0".repeat(64);
  origin.blobs.set(other, bytes);
  await expect(fetchBlob(other, signal)).rejects.toThrow("is damaged");
  await expect(fetchBlob("1".repeat(64), signal)).rejects.toMatchObject({ code: "not_found" });
  expect(readdirSync(join(dir.path, "blobs"))).toEqual([sha256]);
});

test.each([
  ["goes on where it was cut", false, [20_000, 25_000, 15_000]],
  ["begins again at a coordinator that knows no ranges", true, [20_000, 45_000, 60_000]],
])("a download %s", async (_, isWithoutRanges, sent) => {
  await using origin = await openOrigin();
  using dir = tempDir();
  const { bytes, sha256 } = addBlob(origin);
  const path = join(dir.path, `${sha256}.part`);
  origin.cuts.push({ at: 20_000, path }, { at: 45_000, path });
  origin.isWithoutRanges = isWithoutRanges;
  expect(await Bun.file(await origin.fetcher(dir.path)(sha256, signal)).bytes()).toEqual(bytes);
  expect(origin.sent).toEqual(sent);
});

test("what an earlier process left is gone on with, and thrown away where it is damaged", async () => {
  await using origin = await openOrigin();
  using dir = tempDir();
  const { bytes, sha256 } = addBlob(origin);
  const fetchBlob = origin.fetcher(dir.path);
  writeFileSync(join(dir.path, `${sha256}.part`), bytes.subarray(0, 50_000));
  expect(await Bun.file(await fetchBlob(sha256, signal)).bytes()).toEqual(bytes);
  expect(origin.sent).toEqual([10_000]);
  const another = addBlob(origin);
  writeFileSync(join(dir.path, `${another.sha256}.part`), new Uint8Array(50_000));
  expect(await Bun.file(await fetchBlob(another.sha256, signal)).bytes()).toEqual(another.bytes);
});

test("whoever stops waiting is let go, and the others get their blob", async () => {
  await using origin = await openOrigin();
  using dir = tempDir();
  const { sha256 } = addBlob(origin);
  const fetchBlob = origin.fetcher(dir.path);
  const stop = new AbortController();
  const [first, second] = [fetchBlob(sha256, signal), fetchBlob(sha256, stop.signal)];
  stop.abort(new Error("stopped"));
  await expect(second).rejects.toThrow("stopped");
  expect(await first).toBe(join(dir.path, sha256));
});

testOnSmallDisk(
  "what has no room on the disk is not begun, and what ran out of it leaves nothing",
  async (disk) => {
    await using origin = await openOrigin();
    const { sha256 } = addBlob(origin, 400_000);
    const dir = join(disk.path, "blobs");
    const fetchBlob = origin.fetcher(dir);
    mkdirSync(dir);
    disk.fill(true);
    await expect(fetchBlob(sha256, signal)).rejects.toMatchObject({
      code: "ENOSPC",
      message: expect.stringMatching(/^390\.6KiB are needed, and the disk of .* has 0B left$/),
    });
    expect(readdirSync(dir)).toEqual([]);
    disk.fill(false);
    expect(statSync(await fetchBlob(sha256, signal)).size).toBe(400_000);
    // What has not been used for a while gives way to what is wanted now.
    const longAgo = Date.now() / 1000 - 3600;
    utimesSync(join(dir, sha256), longAgo, longAgo);
    const another = addBlob(origin, 800_000);
    await fetchBlob(another.sha256, signal);
    expect(readdirSync(dir)).toEqual([another.sha256]);
  },
);

test("trimBlobs() removes what was used the longest ago", () => {
  using dir = tempDir();
  for (const [at, name] of ["a", "b.part", "c"].entries()) {
    writeFileSync(join(dir.path, name), "12345");
    utimesSync(join(dir.path, name), 1000 + at, 1000 + at);
  }
  trimBlobs(dir.path, { mostBytes: 10, keep: join(dir.path, "a") });
  expect(readdirSync(dir.path).sort()).toEqual(["a", "c"]);
  writeFileSync(join(dir.path, "d"), "12345");
  trimBlobs(dir.path, { mostBytes: 0, idleMs: 60_000 });
  expect(existsSync(join(dir.path, "d"))).toBe(true);
  expect(readdirSync(dir.path)).toEqual(["d"]);
});
