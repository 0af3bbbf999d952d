import { expect, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { silentLogger } from "../../shared/log.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { fillCut, findCut, SpoolSpace } from "./spoolSpace.ts";

const MIB = 1024 ** 2;
const aSpool = (dir: string, name: string, mib: number): string => {
  const path = join(dir, name);
  writeFileSync(path, Buffer.alloc(mib * MIB, name));
  return path;
};
const onDisk = (path: string): number => (statSync(path).blocks * 512) / MIB;

test("what was acknowledged longest ago goes first, heads and what is not acknowledged stay", () => {
  using dir = tempDir();
  const [a, b] = [aSpool(dir.path, "a", 8), aSpool(dir.path, "b", 8)];
  const space = new SpoolSpace({ log: silentLogger, maxBytes: 9 * MIB, pieceBytes: MIB });
  space.acknowledged(a, 3 * MIB);
  expect(findCut(a)).toBe(0);
  // Sixteen MiB lie there, nine may: the two of a that were acknowledged go, then what there is of b.
  space.acknowledged(b, 5 * MIB);
  expect([findCut(a), findCut(b)]).toEqual([3 * MIB, 5 * MIB]);
  expect([onDisk(a), onDisk(b)]).toEqual([6, 4]);
  expect(statSync(a).size).toBe(8 * MIB);
  const left = readFileSync(a);
  expect([left[MIB - 1], left[MIB], left[3 * MIB - 1], left[3 * MIB]]).toEqual([97, 0, 0, 97]);
  // Another process of the agent goes on from there; a job that is gone counts no more.
  const again = new SpoolSpace({ log: silentLogger, maxBytes: 5 * MIB, pieceBytes: MIB });
  again.acknowledged(a, 8 * MIB);
  expect(findCut(a)).toBe(8 * MIB);
  again.forget(a);
  again.acknowledged(b, 6 * MIB);
  expect(findCut(b)).toBe(5 * MIB);
});

test("what a cut spool no longer has is words and newlines, of the same length", () => {
  const bytes = (length: number) => new Uint8Array(length);
  const text = (offset: number, length: number, cut: number) =>
    Buffer.from(fillCut(bytes(length), { offset, cut })).toString();
  expect(text(MIB, 200, 3 * MIB)).toMatch(/^\r\n\[dstack\] output that was here is lost: .*\r\n\n+$/);
  expect(text(MIB - 10, 20, 3 * MIB)).toBe("\0".repeat(10) + "\n".repeat(10));
  expect(text(3 * MIB - 5, 10, 3 * MIB)).toBe("\n".repeat(5) + "\0".repeat(5));
  expect(text(3 * MIB, 10, 3 * MIB)).toBe("\0".repeat(10));
  expect(text(0, 10, 0)).toBe("\0".repeat(10));
});
