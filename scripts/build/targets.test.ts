import { expect, test } from "bun:test";
import { findTarget, TARGETS, targetNameFor, thisMachine } from "./targets.ts";

const linux = { platform: "linux", arch: "x64", hasMusl: false, hasAvx2: true };

test.each([
  [linux, "linux-x64"],
  [{ ...linux, hasAvx2: false }, "linux-x64-baseline"],
  [{ ...linux, hasMusl: true }, "linux-x64-musl"],
  [{ ...linux, arch: "arm64", hasAvx2: false }, "linux-arm64"],
  [{ platform: "darwin", arch: "arm64", hasMusl: false, hasAvx2: true }, "darwin-arm64"],
])("targetNameFor(%o) is %s, a target that we build", (machine, name) => {
  expect(targetNameFor(machine)).toBe(name);
  expect(findTarget(name)?.name).toBe(name);
});

test("an unknown machine has no target", () => {
  expect(findTarget(targetNameFor({ ...linux, platform: "sunos" }))).toBeUndefined();
});

test("thisMachine() names a target that we build", () => {
  expect(TARGETS.map((target) => target.name)).toContain(targetNameFor(thisMachine()));
});
