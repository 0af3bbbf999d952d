/** What stops a coordinator or an agent from starting: one line, exit code 1. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { startCoordinator } from "./harness/coordinator.ts";
import { type Finished, run } from "./harness/program.ts";
import { AGENT, cleanEnvironment, DSTACK } from "./harness/programs.ts";
import { describeWith } from "./harness/requirements.ts";

const NOBODY = "65534";
const asNobody = (command: readonly string[]): string[] =>
  process.getuid?.() === 0
    ? ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", ...command]
    : [...command];

/** One line that says what is wrong, and at most one more that says what to do. */
const expectOneLine = ({ code, stdout, stderr }: Finished, pattern: RegExp) => {
  const lines = (stdout + stderr).split("\n").filter((line) => line !== "");
  expect(lines[0]).toMatch(pattern);
  expect(lines.length).toBeLessThanOrEqual(2);
  expect(code).toBe(1);
};

describeWith(["programs"], "what stops a start", () => {
  // Another user may not get at a checkout in a private folder.
  const programs = tempDir();
  const [dstack, agent] = [join(programs.path, "dstack"), join(programs.path, "dstack-agent")];
  beforeAll(() => {
    chmodSync(programs.path, 0o755);
    copyFileSync(DSTACK, dstack);
    copyFileSync(AGENT, agent);
  });
  afterAll(() => programs[Symbol.dispose]());

  const server = (home: string, env: Record<string, string> = {}, args: string[] = []) =>
    run(asNobody([dstack, "server", "--port", "0", "-y", ...args]), {
      cwd: "/",
      env: { ...cleanEnvironment(home), ...env },
      timeoutMs: 15_000,
    });

  test("a port in use", async () => {
    using dir = tempDir();
    await using first = await startCoordinator({ dir: dir.path });
    using other = tempDir();
    chmodSync(other.path, 0o777);
    expectOneLine(
      await server(other.path, {}, ["--port", new URL(first.url).port]),
      /^Cannot listen on 127\.0\.0\.1:\d+/,
    );
  }, 20_000);

  test("a state directory that cannot be written", async () => {
    using dir = tempDir();
    chmodSync(dir.path, 0o755);
    const locked = join(dir.path, "locked");
    mkdirSync(locked, { mode: 0o555 });
    expectOneLine(await server(dir.path, { DSTACK_SERVER_DIR: join(locked, "server") }), /locked/);
    const refused = await run(asNobody([agent, "run", "--state-dir", join(locked, "agent")]), {
      cwd: "/",
      env: cleanEnvironment(dir.path),
      timeoutMs: 15_000,
    });
    expectOneLine(refused, /locked/);
  }, 20_000);

  test("a corrupt configuration file", async () => {
    using dir = tempDir();
    chmodSync(dir.path, 0o777);
    mkdirSync(join(dir.path, ".dstack"));
    chmodSync(join(dir.path, ".dstack"), 0o777);
    writeFileSync(join(dir.path, ".dstack/config.yml"), "projects: {{{\n");
    expectOneLine(await server(dir.path), /config\.yml/);
  }, 20_000);

  test("a setting that makes no sense", async () => {
    using dir = tempDir();
    chmodSync(dir.path, 0o755);
    expectOneLine(
      await server(dir.path, { DSTACK_SERVER_LOG_LEVEL: "loud" }),
      /DSTACK_SERVER_LOG_LEVEL=loud/,
    );
  }, 20_000);
});
