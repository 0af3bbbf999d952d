import { expect, test } from "bun:test";
import {
  findBarrels,
  findEnvironmentReads,
  findOutsidePaths,
  findOversized,
  findRegistryHosts,
} from "./textRules.ts";

test("findOversized() names a long file, and lets tests and short ones pass", () => {
  const long = "x\n".repeat(600);
  expect(findOversized("agent/a.ts", long).join()).toContain("agent/a.ts: 601 lines");
  expect(findOversized("agent/a.test.ts", long)).toEqual([]);
  expect(findOversized("agent/a.ts", "x\n")).toEqual([]);
});

test("findEnvironmentReads() allows the environment in programs only", () => {
  const source = "const { HOME } = process.env;";
  expect(findEnvironmentReads("agent/link/sync.ts", source)).toHaveLength(1);
  expect(findEnvironmentReads("agent/link/sync.ts", "Bun.env.HOME")).toHaveLength(1);
  expect(findEnvironmentReads("agent/domain.ts", source)).toHaveLength(1);
  expect(findEnvironmentReads("agent/main.ts", source)).toEqual([]);
  expect(findEnvironmentReads("scripts/test.ts", source)).toEqual([]);
});

test("findBarrels() refuses index files and files that pass everything on", () => {
  expect(findBarrels("agent/index.ts", "export const a = 1;")).toHaveLength(1);
  expect(findBarrels("agent/all.ts", 'export * from "./a.ts";')).toHaveLength(1);
  expect(findBarrels("agent/a.ts", 'export { a } from "./b.ts";')).toEqual([]);
});

test("findRegistryHosts() and findOutsidePaths() look at any text", () => {
  const host = ["registry", "npmjs", "org"].join(".");
  expect(findRegistryHosts("README.md", `https://${host}/bun`).join()).toContain(
    "README.md: names the registry host",
  );
  expect(findRegistryHosts("README.md", "npm install")).toEqual([]);
  expect(findOutsidePaths("README.md", ["see ..", "shared", "spec"].join("/"))).toHaveLength(1);
  expect(findOutsidePaths("agent/a.ts", 'import "../shared/log.ts";')).toEqual([]);
});
