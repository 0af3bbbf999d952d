import { expect, test } from "bun:test";
import { join } from "node:path";
import { TARGETS } from "./targets.ts";

const read = async (path: string): Promise<string> => Bun.file(join(import.meta.dir, path)).text();
const pinned: Record<string, string> = JSON.parse(await read("platform/package.json")).dependencies;

test("the manifest of platform packages has those of every target and no other", () => {
  const wanted = TARGETS.flatMap((target) => [target.runtime, target.libsql, target.pty ?? []]).flat();
  expect(Object.keys(pinned).sort()).toEqual([...new Set(wanted)].sort());
});

test("its versions are those that the root lock file chose", async () => {
  const lock = await read("../../bun.lock");
  const versionOf = (name: string): string | undefined => lock.match(new RegExp(`\\["${name}@([^"]+)"`))?.[1];
  for (const [name, version] of Object.entries(pinned)) {
    // The baseline build of Bun is published with the others but no dependency of the `bun` package.
    const owner = name.endsWith("-baseline") ? "bun" : name;
    expect(`${name} ${version}`).toBe(`${name} ${versionOf(owner)}`);
  }
});

test("what both lock files name has the same checksum in both", async () => {
  const sums = (lock: string): Map<string, string> =>
    new Map(
      [...lock.matchAll(/\["((?:@oven|@libsql|@lydell)\/[^"]+)".*"(sha512-[^"]+)"\]/g)].map((m) => [
        m[1] ?? "",
        m[2] ?? "",
      ]),
    );
  const root = sums(await read("../../bun.lock"));
  const platform = sums(await read("platform/bun.lock"));
  expect(platform.size).toBe(Object.keys(pinned).length);
  for (const [name, sum] of platform) expect(root.get(name) ?? sum).toBe(sum);
});
