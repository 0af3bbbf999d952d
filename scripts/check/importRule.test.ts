import { expect, test } from "bun:test";
import { findImportBreaches } from "./importRule.ts";

test.each([
  [
    "agent/link/sync.ts",
    'import { a } from "../../coordinator/store/db.ts";',
    "agent may not import coordinator",
  ],
  ["shared/log.ts", 'import type { B } from "../cli/main.ts";', "shared may not import cli"],
  ["cli/api.ts", 'export * from "../agent/main.ts";', "cli may not import agent"],
  ["cli/commands/ps.ts", 'await import("../../coordinator/main.ts");', "cli may not import coordinator"],
  ["coordinator/app.ts", 'import "../scripts/test.ts";', "coordinator may not import scripts"],
  ["agent/main.ts", 'import Docker from "dockerode";', "only agent/runtime/docker/ may import dockerode"],
])("%s: %s is refused", (path, source, text) => {
  expect(findImportBreaches(path, source).join()).toContain(text);
});

test.each([
  ["agent/link/sync.ts", 'import { a } from "../../shared/protocol/sync.ts";'],
  ["coordinator/http/runs.ts", 'import { b } from "../domain/runs/plan.ts";'],
  ["cli/commands/server.ts", 'await import("../../coordinator/main.ts");'],
  ["agent/runtime/docker/client.ts", 'import Docker from "dockerode";'],
  ["scripts/e2e/a.ts", 'import { b } from "../../agent/main.ts";'],
])("%s: %s is allowed", (path, source) => {
  expect(findImportBreaches(path, source)).toEqual([]);
});
