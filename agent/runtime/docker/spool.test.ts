import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { silentLogger } from "../../../shared/log.ts";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import { Spool } from "./spool.ts";

test("a spool goes on where an earlier process left it, and says when it has grown", async () => {
  using dir = tempDir();
  const path = join(dir.path, "spool");
  writeFileSync(path, "before ");
  let grown = 0;
  const giveUp = new AbortController().signal;
  {
    await using spool = await Spool.open({ path, log: silentLogger, onOutput: () => (grown += 1), giveUp });
    expect(spool.size).toBe(7);
    await spool.append(Buffer.from("after"));
    await spool.append(Buffer.alloc(0));
    expect(spool.size).toBe(12);
  }
  expect(readFileSync(path, "utf8")).toBe("before after");
  expect(grown).toBeGreaterThan(0);
});

test.skipIf(process.platform !== "linux")(
  "a full disk makes the job wait, until it is given up",
  async () => {
    const giveUp = new AbortController();
    await using spool = await Spool.open({
      path: "/dev/full",
      log: silentLogger,
      onOutput: () => {},
      giveUp: giveUp.signal,
    });
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
