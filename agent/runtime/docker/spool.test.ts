import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { silentLogger } from "../../../shared/log.ts";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import { Spool, type SpoolOptions } from "./spool.ts";

const openAt = (path: string, options: Partial<SpoolOptions> = {}) =>
  Spool.open({
    path,
    log: silentLogger,
    onOutput: () => {},
    giveUp: new AbortController().signal,
    ...options,
  });

test("a spool goes on where an earlier process left it, and says when it has grown", async () => {
  using dir = tempDir();
  const path = join(dir.path, "spool");
  writeFileSync(path, "before ");
  let grown = 0;
  {
    await using spool = await openAt(path, { onOutput: () => (grown += 1) });
    expect(spool.source).toBe(7);
    await spool.append(Buffer.from("after"));
    await spool.append(Buffer.alloc(0));
    expect(spool.source).toBe(12);
  }
  expect(readFileSync(path, "utf8")).toBe("before after");
  expect(grown).toBeGreaterThan(0);
});

test("notices are no output of the job: a later process knows which byte of it comes next", async () => {
  using dir = tempDir();
  const path = join(dir.path, "spool");
  {
    await using spool = await openAt(path);
    await spool.notice("hello");
    expect(spool.source).toBe(0);
    await spool.append(Buffer.from("abc"));
    await spool.notice("again");
  }
  await using spool = await openAt(path);
  expect(spool.source).toBe(3);
  await spool.append(Buffer.from("def"));
  expect(spool.source).toBe(6);
  expect(readFileSync(path, "utf8")).toBe("[dstack] hello\r\nabc\r\n[dstack] again\r\ndef");
});

test("over the quota: a notice, then nothing until the next hour; what was dropped counts as the job's", async () => {
  using dir = tempDir();
  const path = join(dir.path, "spool");
  let now = 0;
  {
    await using spool = await openAt(path, { quota: { perHour: 4, now: () => now } });
    for (const text of ["abc", "defg", "hij"]) await spool.append(Buffer.from(text));
    expect(spool.source).toBe(10);
    now = 3_600_000;
    await spool.append(Buffer.from("klm"));
    expect(spool.source).toBe(13);
  }
  expect(readFileSync(path, "utf8")).toBe(
    "abcd\r\n[dstack] output over 4 bytes in an hour is dropped\r\nklm",
  );
  await using spool = await openAt(path);
  expect(spool.source).toBe(13);
});

test.skipIf(process.platform !== "linux")(
  "a full disk makes the job wait, until it is given up",
  async () => {
    const giveUp = new AbortController();
    await using spool = await openAt("/dev/full", { giveUp: giveUp.signal });
    const written = spool.append(Buffer.from("x")).then(() => "given up");
    const first = await Promise.race([
      written,
      new Promise((resolve) => setTimeout(() => resolve("waiting"), 50)),
    ]);
    expect(first).toBe("waiting");
    giveUp.abort();
    expect(await written).toBe("given up");
  },
);
