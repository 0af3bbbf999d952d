/** Hardened machines run no program from /tmp; native modules are unpacked somewhere. */
import { expect, test } from "bun:test";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { freePort } from "./harness/freePort.ts";
import { run, startProgram } from "./harness/program.ts";
import { cleanEnvironment, DSTACK } from "./harness/programs.ts";
import { describeWith } from "./harness/requirements.ts";

/** $1: a folder that is mounted noexec, for this process alone; then a command. */
const SHUT = 'mount -t tmpfs -o noexec tmpfs "$1" && shift && exec "$@"';

describeWith(["programs", "root"], "a server on a machine whose /tmp is mounted noexec", () => {
  const prepare = async (dir: string) => {
    const [home, shut] = [join(dir, "home"), join(dir, "shut")];
    for (const folder of [home, shut]) mkdirSync(folder);
    const server = [DSTACK, "server", "-y", "--port", `${await freePort()}`];
    const command = ["unshare", "--mount", "sh", "-c", SHUT, "sh", shut, ...server];
    return { home, shut, command, env: { ...cleanEnvironment(home), TMPDIR: shut } };
  };

  test("it starts, and leaves no file of them behind", async () => {
    using dir = tempDir();
    const { home, command, env } = await prepare(dir.path);
    await using server = startProgram({
      name: "dstack server",
      command,
      env,
      logFile: join(dir.path, "log"),
      cwd: home,
    });
    await server.waitForOutput(/The dstack server \S+ is running at /);
    const own = join(home, ".dstack/server");
    expect(readdirSync(own).filter((name) => name.startsWith("dstack-"))).toEqual([]);
  });

  test("where its own folder is no better, it says which folders, and what to do", async () => {
    using dir = tempDir();
    const { home, shut, command, env } = await prepare(dir.path);
    const { code, stdout } = await run([...command, "--dir", join(shut, "server")], { env, cwd: home });
    expect(code).toBe(1);
    for (const part of ["Cannot load libSQL", shut, join(shut, "server"), "TMPDIR", "noexec"])
      expect(stdout).toContain(part);
    expect(stdout).not.toContain("bug");
  });
});
