import { expect, test } from "bun:test";
import { findImportBreaches, importsOf } from "./importRule.ts";

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
  ["coordinator/domain/a.ts", 'import { a } from "../http/a.ts";', "may not import coordinator/http/"],
  [
    "coordinator/store/a.ts",
    'import { a } from "../domain/runs/a.ts";',
    "may not import coordinator/domain/",
  ],
  ["agent/main.ts", 'import Docker from "dockerode";', "only agent/runtime/docker/ may import dockerode"],
  ["agent/jobs/run.ts", 'const p = require("node-pty");', "only agent/runtime/process/ may import node-pty"],
  ["coordinator/domain/a.ts", 'import { Hono } from "hono";', "may import hono"],
  ["coordinator/store/a.ts", 'import type { Context } from "hono/http-exception";', "may import hono"],
])("%s: %s is refused", (path, source, text) => {
  expect(findImportBreaches(path, source).join()).toContain(text);
});

test.each([
  ["agent/link/sync.ts", 'import { a } from "../../shared/protocol/sync.ts";'],
  ["coordinator/http/runs.ts", 'import { b } from "../domain/runs/plan.ts";\nimport { Hono } from "hono";'],
  ["coordinator/http/agent/sync.ts", 'import { b } from "../agent/enroll.ts";'],
  ["coordinator/engine/queue.ts", 'import { b } from "../store/runs.ts";'],
  ["cli/commands/server.ts", 'await import("../../coordinator/main.ts");'],
  ["agent/runtime/docker/client.ts", 'import Docker from "dockerode";'],
  ["scripts/e2e/a.ts", 'import { b } from "../../agent/main.ts";'],
])("%s: %s is allowed", (path, source) => {
  expect(findImportBreaches(path, source)).toEqual([]);
});

test("importsOf() sees every form of import, and no text that merely looks like one", () => {
  const source = `
import "./a.ts";
import b, { type B } from "./b.ts";
import type {
  C,
} from "./c.ts";
export { d } from './d.ts';
export * from "./e.ts";
const f = await import("./f.ts");
type G = import("./g.ts").G;
// a note from "./comment.ts"
const text = 'copied from "./text.ts"';
`;
  expect(importsOf(source)).toEqual(["./a.ts", "./b.ts", "./c.ts", "./d.ts", "./e.ts", "./f.ts", "./g.ts"]);
});
