import { expect, test } from "bun:test";
import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { readSpool, SpoolWriter } from "./spool.ts";

const bytes = (text: string) => Buffer.from(text);

test("SpoolWriter appends to what an earlier writer left", () => {
  using dir = tempDir();
  const path = join(dir.path, "spool");
  for (const text of ["one ", "two"]) {
    const spool = new SpoolWriter(path);
    spool.append(bytes(text));
    spool.close();
  }
  expect(readFileSync(path, "utf8")).toBe("one two");
});

test("SpoolWriter drops what is over the hour's quota, says so once, and goes on in the next hour", () => {
  using dir = tempDir();
  const path = join(dir.path, "spool");
  let now = 0;
  const spool = new SpoolWriter(path, { perHour: 6, now: () => now });
  for (const text of ["abcd", "efgh", "ijkl"]) spool.append(bytes(text));
  now = 3_600_000;
  spool.append(bytes("mnop"));
  expect(readFileSync(path, "utf8")).toBe(
    "abcdef\r\n[dstack] output over 6 bytes in an hour is dropped\r\nmnop",
  );
  expect(spool.length).toBe(readFileSync(path).length);
  spool.close();
});

test.skipIf(!existsSync("/dev/full"))("SpoolWriter outlives a full disk", () => {
  using dir = tempDir();
  const path = join(dir.path, "spool");
  symlinkSync("/dev/full", path);
  const spool = new SpoolWriter(path);
  spool.append(bytes("lost"));
  spool.append(bytes("lost too"));
  spool.close();
});

test("readSpool() gives what there is from an offset, and nothing of a spool that is not there", async () => {
  using dir = tempDir();
  const path = join(dir.path, "spool");
  expect(readSpool(path, 0, 10)).toHaveLength(0);
  await Bun.write(path, "0123456789");
  expect(Buffer.from(readSpool(path, 4, 3)).toString()).toBe("456");
  expect(Buffer.from(readSpool(path, 8, 100)).toString()).toBe("89");
  expect(readSpool(path, 10, 5)).toHaveLength(0);
  expect(readSpool(path, 99, 5)).toHaveLength(0);
});
