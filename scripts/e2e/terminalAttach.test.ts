/** `dstack attach` and `dstack ssh` as somebody at a terminal sees them. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { cleanEnvironment, DSTACK } from "./harness/programs.ts";
import { describeWith } from "./harness/requirements.ts";
import { openSystem, type System } from "./harness/system.ts";
import { openTerminal, type Terminal } from "./harness/terminal.ts";

describeWith(["programs", "tmux"], "attached at a terminal", () => {
  let system: System;
  let opened = 0;
  beforeAll(async () => {
    system = await openSystem({ runtime: "process" });
  }, 60_000);
  afterAll(() => system[Symbol.asyncDispose]());

  const open = async (): Promise<Terminal> => {
    const dir = join(system.dir, `terminal-${opened++}`);
    mkdirSync(dir);
    const env = cleanEnvironment(system.coordinator.home);
    return openTerminal({ cwd: dir, dir, env: { ...env, PATH: `${dirname(DSTACK)}:${env["PATH"]}` } });
  };
  const submit = async (name: string, commands: readonly string[], more: Record<string, unknown> = {}) => {
    const { client } = system.coordinator;
    await client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input: system.task(name, commands, more) });
    return client;
  };

  test("a run that still has to be started is shown as it is, and its table left behind when it runs", async () => {
    // No host has it, until the wish is another one.
    const client = await submit("later", ["sleep 600"], { resources: { gpu: "H100:8" }, retry: true });
    await using terminal = await open();
    await terminal.start("dstack attach later");
    await terminal.waitForScreen(/Launching later\.\.\.\n NAME .*\n later /);
    expect(await terminal.isCursorShown()).toBe(true);
    await terminal.ctrlC();
    expect(await terminal.exitCode()).toBe(0);
    expect(await terminal.screen()).toMatch(/\nDetached\n/);
    expect(await terminal.screen()).not.toContain("Launching");
    await client.dstackOk(["stop", "-y", "-x", "later"]);
    await client.waitForEnd("later");
  }, 60_000);

  test("attached: what is here, and Ctrl-C leaves the run alone without a question", async () => {
    const client = await submit("calm", ["echo quiet", "sleep 600"]);
    await using terminal = await open();
    await terminal.start("dstack attach calm --logs");
    const shown = await terminal.waitForScreen(/Press Ctrl\+C to detach\.\.\.\nquiet\n/, 40_000);
    expect(shown).toContain("Attached to run calm (replica=0 job=0)\n");
    await terminal.ctrlC();
    expect(await terminal.exitCode()).toBe(0);
    expect(await terminal.screen()).toMatch(/quiet\n.*\nDetached\n/);
    expect((await client.getRun("calm")).status).toBe("running");
    await client.dstackOk(["stop", "-y", "-x", "calm"]);
    await client.waitForEnd("calm");
  }, 90_000);

  test("dstack ssh: a terminal of the right size, whose Ctrl-C is the job's, and the shell's exit code", async () => {
    await submit("shell", ["sleep 600"]);
    await system.coordinator.client.waitForRun("shell", ({ status }) => status === "running");
    await using terminal = await open();
    await terminal.start("dstack ssh shell");
    await terminal.type("echo size `stty size` is $((40 + 2))");
    await terminal.waitForScreen(/size 30 100 is 42/, 40_000);
    await terminal.resize(80, 20);
    // The new size goes a way of its own, which what is typed may overtake.
    await terminal.type("until stty size | grep -q ' 80$'; do sleep 0.1; done; clear; echo now `stty size`");
    await terminal.waitForScreen(/now (20|19) 80/);
    await terminal.type("echo wait $((40 + 4)); sleep 500; echo interrupted $?");
    await terminal.waitForScreen(/wait 44/);
    await terminal.ctrlC();
    await terminal.waitForScreen(/\^C/);
    await terminal.type("echo still $((40 + 3))");
    await terminal.waitForScreen(/still 43/);
    await terminal.type("exit 9");
    expect(await terminal.exitCode()).toBe(9);
  }, 90_000);
});
