/** The compiled command line as somebody at a terminal sees it: what is asked, what is drawn, what Ctrl-C does. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { isFinalRun } from "../../shared/states.ts";
import { cleanEnvironment, DSTACK } from "./harness/programs.ts";
import { describeWith } from "./harness/requirements.ts";
import { openSystem, type System } from "./harness/system.ts";
import { openTerminal, type Terminal, type TerminalOptions } from "./harness/terminal.ts";

describeWith(["programs", "tmux"], "at a terminal", () => {
  let system: System;
  let opened = 0;
  beforeAll(async () => {
    system = await openSystem({ runtime: "process" });
  }, 60_000);
  afterAll(() => system[Symbol.asyncDispose]());

  const open = async (options: Partial<TerminalOptions> = {}): Promise<Terminal> => {
    const dir = join(system.dir, `terminal-${opened++}`);
    mkdirSync(dir);
    const home = system.coordinator.home;
    const env = { ...cleanEnvironment(home), ...options.env };
    return openTerminal({
      cwd: dir,
      ...options,
      dir,
      env: { ...env, PATH: `${dirname(DSTACK)}:${env["PATH"]}` },
    });
  };
  const write = async (name: string, commands: readonly string[], more: Record<string, unknown> = {}) => {
    const file = join(system.coordinator.home, `${name}.yml`);
    await Bun.write(file, system.task(name, commands, more));
    return file;
  };
  const statusOf = async (name: string) => (await system.coordinator.client.getRun(name)).status;
  const stopped = async (name: string) => {
    const run = await system.coordinator.client.getRun(name);
    if (!isFinalRun(run.status)) await system.coordinator.client.dstackOk(["stop", "-y", "-x", name]);
    await system.coordinator.client.waitForEnd(name);
  };
  /** No host has one; the run is tried again and again. */
  const NOWHERE = { resources: { gpu: "H100:8" }, retry: true };

  describe("the question after a plan", () => {
    test("is asked again until the answer is one; n submits nothing", async () => {
      await using terminal = await open();
      await terminal.start(`dstack apply -f ${await write("declined", ["true"])}`);
      const plan = await terminal.waitForScreen("Submit the run declined? [y/n]:");
      expect(plan).toMatch(/^ Project +main$/m);
      expect(plan).toMatch(/^ 1 +ssh \(remote\)/m);
      await terminal.type("perhaps");
      await terminal.waitForScreen(/perhaps\nPlease enter Y or N\nSubmit the run declined\? \[y\/n\]:/);
      await terminal.type("");
      await terminal.waitForScreen(/Please enter Y or N\n.*\nPlease enter Y or N\n/);
      await terminal.type("N");
      expect(await terminal.exitCode()).toBe(0);
      expect(await terminal.screen()).toContain("[y/n]: N\n\nExiting...\n");
      expect((await system.coordinator.client.dstack(["run", "get", "declined", "--json"])).code).toBe(1);
    }, 30_000);

    test("y submits the run, shows its output, and ends with it", async () => {
      await using terminal = await open();
      await terminal.start(`dstack apply -f ${await write("agreed", ["echo it runs", "exit 3"])}`);
      await terminal.waitForScreen("[y/n]:");
      await terminal.type("y");
      expect(await terminal.exitCode()).toBe(1);
      const shown = await terminal.screen();
      expect(shown).toContain("agreed provisioning completed (running)\nit runs\nExited (3)\n");
      // What was drawn while it was waited for is gone.
      expect(shown).not.toMatch(/Launching|Applying|Getting/);
      expect(await terminal.isCursorShown()).toBe(true);
    }, 30_000);

    test("Ctrl-C is an answer, too: nothing is submitted", async () => {
      await using terminal = await open();
      await terminal.start(`dstack apply -f ${await write("cancelled", ["true"])}`);
      await terminal.waitForScreen("[y/n]:");
      await terminal.ctrlC();
      expect(await terminal.exitCode()).toBe(1);
      expect(await terminal.screen()).toMatch(/\[y\/n\]:.*\nCancelled by user\n/);
      expect((await system.coordinator.client.dstack(["run", "get", "cancelled", "--json"])).code).toBe(1);
    }, 30_000);
  });

  // docs/spec/cli.md §4: the table of Ctrl-C.
  describe("Ctrl-C", () => {
    test("before there is a plan", async () => {
      await using terminal = await open();
      const file = await write("early", ["true"]);
      system.coordinator.program.freeze();
      try {
        await terminal.start(`dstack apply -f ${file}`);
        await terminal.waitForScreen(/. Getting apply plan\.\.\./);
        await terminal.ctrlC();
        expect(await terminal.exitCode()).toBe(0);
      } finally {
        system.coordinator.program.thaw();
      }
      const shown = await terminal.screen();
      expect(shown).toContain("Operation interrupted by user. Exiting...\n");
      expect(shown).not.toContain("Getting apply plan");
    }, 30_000);

    test("while a run waits for a host, then n: it is left alone", async () => {
      await using terminal = await open();
      await terminal.start(`dstack apply -f ${await write("waits", ["true"], NOWHERE)}`);
      await terminal.waitForScreen("[y/n]:");
      await terminal.type("y");
      await terminal.waitForScreen(/. Launching waits\.\.\.\n NAME +BACKEND.*\n waits /);
      await terminal.ctrlC();
      await terminal.waitForScreen("Stop the run waits before detaching? [y/n]:");
      await terminal.type("n");
      expect(await terminal.exitCode()).toBe(0);
      expect(await terminal.screen()).toMatch(/\[y\/n\]: n\nDetached\n/);
      expect(isFinalRun(await statusOf("waits"))).toBe(false);
      await stopped("waits");
    }, 30_000);

    /** A run whose output is on the screen, and that says how it is told to end. */
    const openStreaming = async (
      terminal: Terminal,
      name: string,
      { yes = false, stubborn = false } = {},
    ) => {
      const commands = [...(stubborn ? ["trap '' INT TERM"] : []), "echo it is up", "sleep 600"];
      const file = await write(name, commands);
      await terminal.start(`dstack apply ${yes ? "-y " : ""}-f ${file}`);
      if (!yes) {
        await terminal.waitForScreen("[y/n]:");
        await terminal.type("y");
      }
      await terminal.waitForScreen(/^it is up$/m);
    };

    test("while output comes, then y: the run is stopped first", async () => {
      await using terminal = await open();
      await openStreaming(terminal, "stopped");
      await terminal.ctrlC();
      await terminal.waitForScreen("Stop the run stopped before detaching? [y/n]:");
      await terminal.type("y");
      expect(await terminal.exitCode()).toBe(0);
      expect(await terminal.screen()).toMatch(/\[y\/n\]: y\nStopped\n/);
      expect(await statusOf("stopped")).toBe("terminated");
    }, 30_000);

    test("while output comes, then n: it goes on", async () => {
      await using terminal = await open();
      await openStreaming(terminal, "left");
      await terminal.ctrlC();
      await terminal.waitForScreen("before detaching? [y/n]:");
      await terminal.type("n");
      expect(await terminal.exitCode()).toBe(0);
      expect(await terminal.screen()).toMatch(/\[y\/n\]: n\nDetached\n/);
      expect(await statusOf("left")).toBe("running");
      await stopped("left");
    }, 30_000);

    test("twice: no answer, and the run goes on", async () => {
      await using terminal = await open();
      await openStreaming(terminal, "twice");
      await terminal.ctrlC();
      await terminal.waitForScreen("before detaching? [y/n]:");
      await terminal.ctrlC();
      expect(await terminal.exitCode()).toBe(1);
      expect(await terminal.screen()).toMatch(/\[y\/n\]:.*\nCancelled by user\n/);
      expect(await statusOf("twice")).toBe("running");
      await stopped("twice");
    }, 30_000);

    test("while the run is being stopped: it is aborted", async () => {
      await using terminal = await open();
      await openStreaming(terminal, "stubborn", { stubborn: true });
      await terminal.ctrlC();
      await terminal.waitForScreen("before detaching? [y/n]:");
      await terminal.type("y");
      await terminal.waitForScreen(/. Stopping run\.\.\./);
      await terminal.ctrlC();
      expect(await terminal.exitCode()).toBe(0);
      expect((await terminal.screen()).split("[y/n]:").at(-1)).toMatch(/\nAborted\n/);
      // Long before the time is up that a stopped run has.
      expect((await system.coordinator.client.waitForEnd("stubborn")).status).toBe("terminated");
    }, 30_000);

    test("with -y: detached at once, without a question", async () => {
      await using terminal = await open();
      await openStreaming(terminal, "unasked", { yes: true });
      await terminal.ctrlC();
      expect(await terminal.exitCode()).toBe(0);
      const shown = await terminal.screen();
      expect(shown).toMatch(/^it is up\n.*\nDetached\n/m);
      expect(shown).not.toContain("[y/n]");
      expect(await statusOf("unasked")).toBe("running");
      await stopped("unasked");
    }, 30_000);

    test("in logs -f and ps -w: they end, and that is no failure", async () => {
      await using terminal = await open();
      const file = await write("logged", ["echo it is up", "sleep 600"]);
      await system.coordinator.client.dstackOk(["apply", "-y", "-d", "-f", file]);
      await terminal.start("dstack logs -f logged");
      await terminal.waitForScreen(/^it is up$/m);
      await terminal.ctrlC();
      expect(await terminal.exitCode()).toBe(0);
      await terminal.start("dstack ps -w");
      await terminal.waitForScreen(/^ logged +ssh/m);
      await terminal.ctrlC();
      expect(await terminal.exitCode()).toBe(0);
      await stopped("logged");
    }, 30_000);
  });
});
