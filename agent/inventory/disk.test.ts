import { expect, test } from "bun:test";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { freeDiskMib } from "./disk.ts";

test("freeDiskMib() is the free space of the file system, also of a path that is not there", async () => {
  using dir = tempDir();
  const free = await freeDiskMib(dir.path);
  expect(free).toBeGreaterThan(0);
  expect(Math.abs((await freeDiskMib(join(dir.path, "not/yet"))) - free)).toBeLessThan(1024);
});
