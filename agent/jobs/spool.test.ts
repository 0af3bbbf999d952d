import { expect, test } from "bun:test";
import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { testOnSmallDisk } from "../../shared/testing/smallDisk.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { readSpool, SpoolWriter } from "./spool.ts";

const bytes = (text: string) => Buffer.from(text);

test("SpoolWriter appends to what an earlier writer left", () => {
  using dir = tempDir();
  const path = join(dir.path, "spool");
  for (const text of ["one ", "two"]) {
    const spool = new SpoolWriter(path);
    void spool.append(bytes(text));
    spool.close();
  }
  expect(readFileSync(path, "utf8")).toBe("one two");
});

test("SpoolWriter drops what is over the hour's quota, says so once, and goes on in the next hour", () => {
  using dir = tempDir();
  const path = join(dir.path, "spool");
  let now = 0;
  const spool = new SpoolWriter(path, { perHour: 6, now: () => now });
  for (const text of ["abcd", "efgh", "ijkl"]) void spool.append(bytes(text));
  now = 3_600_000;
  void spool.append(bytes("mnop"));
  expect(readFileSync(path, "utf8")).toBe(
    "abcdef\r\n[dstack] output over 6 bytes in an hour is dropped\r\nmnop",
  );
  expect(spool.length).toBe(readFileSync(path).length);
  spool.close();
});

const spoolOn = ({ path: dir }: { path: string }, patienceMs?: number) => {
  const path = join(dir, "spool");
  const spool = new SpoolWriter(path, patienceMs === undefined ? {} : { patienceMs });
  return { spool, text: () => readFileSync(path, "utf8") };
};

testOnSmallDisk("SpoolWriter waits for room on a full disk, and loses nothing", async (disk) => {
  const { spool, text } = spoolOn(disk);
  expect(spool.append(bytes("one "))).toBeUndefined();
  disk.fill(true);
  const rest = "x".repeat(10_000);
  const waiting = spool.append(bytes(rest));
  expect(waiting).toBeInstanceOf(Promise);
  // As of a terminal that cannot be left unread.
  void spool.append(bytes(" two"));
  disk.fill(false);
  await waiting;
  expect(spool.append(bytes(" three"))).toBeUndefined();
  expect(text()).toBe(`one ${rest} two three`);
  spool.close();
});

testOnSmallDisk("SpoolWriter drops what no room comes for, and says how much", async (disk) => {
  const { spool, text } = spoolOn(disk, 300);
  void spool.append(bytes("kept "));
  disk.fill(true);
  // What fits into the last page of the file is written.
  const room = 4096 - "kept ".length;
  await spool.append(bytes("x".repeat(room + 1_000)));
  expect(spool.append(bytes("lost at once"))).toBeUndefined();
  disk.fill(false);
  expect(spool.append(bytes("kept too"))).toBeUndefined();
  const notice = "\r\n[dstack] 1012 bytes of output are missing: the disk was full or failed\r\n";
  expect(text()).toBe(`kept ${"x".repeat(room)}${notice}kept too`);
  spool.close();
});

testOnSmallDisk("SpoolWriter says at the end what is missing there", async (disk) => {
  const { spool, text } = spoolOn(disk, 300);
  disk.fill(true);
  await spool.append(bytes("x".repeat(100)));
  disk.fill(false);
  await spool.end();
  expect(text()).toBe("\r\n[dstack] 100 bytes of output are missing: the disk was full or failed\r\n");
});

test.skipIf(!existsSync("/dev/full"))("SpoolWriter outlives a disk that stays full", async () => {
  using dir = tempDir();
  const path = join(dir.path, "spool");
  symlinkSync("/dev/full", path);
  const spool = new SpoolWriter(path, { patienceMs: 0 });
  await spool.append(bytes("lost"));
  void spool.append(bytes("lost too"));
  await spool.end();
});

test("readSpool() gives what there is from an offset, and nothing of a spool that is not there", async () => {
  using dir = tempDir();
  const path = join(dir.path, "spool");
  const read = (offset: number, limit: number, buffer?: Uint8Array) =>
    Buffer.from(readSpool(path, { offset, limit, buffer })).toString();
  expect(read(0, 10)).toBe("");
  await Bun.write(path, "0123456789");
  expect([read(4, 3), read(8, 100), read(10, 5), read(99, 5), read(0, 0)]).toEqual(["456", "89", "", "", ""]);
  const buffer = new Uint8Array(4);
  expect([read(0, 4, buffer), read(8, 4, buffer), read(0, 5, buffer)]).toEqual(["0123", "89", "01234"]);
});
