import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { sourceHash } from "./sourceHash.ts";

test("sourceHash() follows sources by name and content, and ignores tests and other folders", async () => {
  using dir = tempDir();
  const write = (path: string, text: string) => Bun.write(join(dir.path, path), text);
  mkdirSync(join(dir.path, "cli"));
  await write("cli/main.ts", "1");
  const first = await sourceHash(dir.path);

  await write("cli/main.test.ts", "a test");
  await write("docs/page.md", "prose");
  expect(await sourceHash(dir.path)).toBe(first);

  await write("cli/main.ts", "2");
  const second = await sourceHash(dir.path);
  expect(second).not.toBe(first);

  await write("install.sh", "#!/bin/sh");
  expect(await sourceHash(dir.path)).not.toBe(second);
});
