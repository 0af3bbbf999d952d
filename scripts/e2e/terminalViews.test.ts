/** What the compiled command line draws at a terminal: tables that are watched, progress, colours, narrow windows. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { cleanEnvironment, DSTACK } from "./harness/programs.ts";
import { describeWith } from "./harness/requirements.ts";
import { type SlowRegistry, startSlowRegistry } from "./harness/slowRegistry.ts";
import { openSystem, type System } from "./harness/system.ts";
import { openTerminal, type Terminal, type TerminalOptions } from "./harness/terminal.ts";

const MIB = 1024 ** 2;
let opened = 0;

const openIn = async (system: System, options: Partial<TerminalOptions> = {}): Promise<Terminal> => {
  const dir = join(system.dir, `terminal-${opened++}`);
  mkdirSync(dir);
  const env = { ...cleanEnvironment(system.coordinator.home), ...options.env };
  const path = `${dirname(DSTACK)}:${env["PATH"]}`;
  return openTerminal({ cwd: dir, ...options, dir, env: { ...env, PATH: path } });
};

describeWith(["programs", "tmux"], "what is drawn at a terminal", () => {
  let system: System;
  beforeAll(async () => {
    system = await openSystem({ runtime: "process" });
  }, 60_000);
  afterAll(() => system[Symbol.asyncDispose]());

  const submit = async (name: string, commands: readonly string[]) => {
    const input = system.task(name, commands, { resources: { cpu: "1..", gpu: "H100:8" }, retry: true });
    await system.coordinator.client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input });
  };
  const stop = (name: string) => system.coordinator.client.dstackOk(["stop", "-y", "-x", name]);

  test("ps -w: the table is written over itself, follows the window, and is left behind", async () => {
    await using terminal = await openIn(system, { rows: 12 });
    await submit("one", ["true"]);
    await terminal.start("dstack ps -w");
    await terminal.waitForScreen(/^ NAME +BACKEND.*\n one /m);
    const begin = terminal.written().length;
    for (const name of ["two", "three"]) await submit(name, ["true"]);
    await terminal.waitForScreen(/^ NAME .*\n three .*\n two .*\n one /m);
    // It is the only table on the screen, and nothing has scrolled out of it.
    expect((await terminal.screen()).match(/^ NAME /gm)).toHaveLength(1);
    expect(await terminal.scrolled()).toBe(0);
    // What is drawn again is not erased before: a line that stays the same is never away.
    const drawn = terminal.written().slice(begin);
    expect(drawn).not.toContain("\x1b[2J");
    expect(drawn).toMatch(/\x1b\[2A\r(?!\x1b\[J)/);
    // More than the window is high: as much as there is room for.
    for (let at = 0; at < 12; at++) await submit(`more-${at}`, ["true"]);
    await terminal.waitForScreen(/ NAME .*\n( more-.*\n){9} … 6 more lines\n/);
    // The line with the command has given way, once.
    const scrolled = await terminal.scrolled();
    const frames = () => terminal.written().split("\x1b[11A\r").length;
    const before = frames();
    await waitFor("two more frames", () => frames() > before + 1);
    expect(await terminal.scrolled()).toBe(scrolled);
    expect(scrolled).toBeLessThanOrEqual(1);
    await terminal.resize(60, 20);
    const narrow = await terminal.waitForScreen(/ NAME .*\n( more-.*\n){12} three .*\n two .*\n one /);
    expect(narrow.split("\n").every((line) => line.length <= 60)).toBe(true);
    expect(narrow.match(/^ NAME /gm)).toHaveLength(1);
    await terminal.ctrlC();
    expect(await terminal.exitCode()).toBe(0);
    expect(await terminal.isCursorShown()).toBe(true);
    const left = await terminal.screen();
    expect(left.match(/^ NAME /gm)).toHaveLength(1);
    expect(left).toMatch(/^ one /m);
    for (let at = 0; at < 12; at++) await stop(`more-${at}`);
    for (const name of ["one", "two", "three"]) await stop(name);
  }, 90_000);

  test("colours are for terminals that want them, and moving things for those that can", async () => {
    const input = system.task("plain", ["true"]);
    await system.coordinator.client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input });
    await system.coordinator.client.waitForEnd("plain");
    await using coloured = await openIn(system);
    await coloured.start("dstack ps -n 1");
    expect(await coloured.exitCode()).toBe(0);
    expect(await coloured.colouredScreen()).toMatch(/\x1b\[[\d;]*1m *NAME/);
    await using grey = await openIn(system, { env: { NO_COLOR: "1" } });
    await grey.start("dstack ps -n 1");
    expect(await grey.exitCode()).toBe(0);
    expect(await grey.colouredScreen()).not.toMatch(/\x1b\[[\d;]*m *NAME/);
    await using dumb = await openIn(system, { env: { TERM: "dumb" } });
    await dumb.start(`dstack apply -y -f ${await written("dumb", ["echo it runs"])}`);
    expect(await dumb.exitCode()).toBe(0);
    const shown = await dumb.screen();
    expect(shown).toContain("it runs\nExited (0)\n");
    const own = dumb.written().slice(dumb.written().indexOf("Project"));
    expect(own).not.toMatch(/\x1b\[[\dA-JL-Z]|Launching/);
  }, 60_000);

  const written = async (name: string, commands: readonly string[], more: Record<string, unknown> = {}) => {
    const file = join(system.coordinator.home, `${name}.yml`);
    await Bun.write(file, system.task(name, commands, more));
    return file;
  };

  test("a narrow window: nothing is wider than it, and what is asked is still to be read", async () => {
    await using terminal = await openIn(system, { columns: 40 });
    await terminal.start(`dstack apply -f ${await written("narrow", ["true"])}`);
    const shown = await terminal.waitForScreen(/Submit the run narrow\? \[y\/n\]:/);
    expect(shown).toMatch(/^ Project +main$/m);
    await terminal.type("n");
    expect(await terminal.exitCode()).toBe(0);
    expect(await terminal.scrolled()).toBe(0);
  }, 30_000);

  test("an upload says how far it is, and is gone from the screen when it is over", async () => {
    await using terminal = await openIn(system);
    const { home } = system.coordinator;
    writeFileSync(join(home, "big.bin"), crypto.getRandomValues(new Uint8Array(65_536)));
    const big = Buffer.alloc(256 * MIB);
    crypto.getRandomValues(big.subarray(0, 65_536));
    writeFileSync(join(home, "big.bin"), big);
    const file = await written("uploads", ["wc -c big.bin"], { files: ["big.bin"] });
    await terminal.start(`dstack apply -y -f ${file}`);
    await waitFor("the bar", () => /Uploading.* ━*─+ \d+% of 256MB/.test(terminal.written()));
    expect(await terminal.exitCode()).toBe(0);
    const shown = await terminal.screen();
    expect(shown).toMatch(/^\s*268435456 big.bin$/m);
    expect(shown).not.toContain("Uploading");
  }, 60_000);
});

describeWith(["programs", "root", "docker", "tmux"], "a pull at a terminal", () => {
  let system: System;
  let registry: SlowRegistry | undefined;
  beforeAll(async () => {
    system = await openSystem({
      runtime: "docker",
      registry: async (ip) => {
        registry = await startSlowRegistry(ip, 40 * MIB);
        return registry.address;
      },
    });
  }, 90_000);
  afterAll(async () => {
    await system[Symbol.asyncDispose]();
    await registry?.[Symbol.asyncDispose]();
  });

  test("says how far it is, in the line and in the table", async () => {
    await using terminal = await openIn(system);
    const file = join(system.coordinator.home, "pulls.yml");
    await Bun.write(file, system.task("pulls", ["true"], { image: registry?.image }));
    await terminal.start(`dstack apply -y -f ${file}`);
    const shown = await terminal.waitForScreen(/^ pulls .* pulling 0\/[12]\d\/42MB/m, 40_000);
    expect(shown).toMatch(/. Pulling the image of pulls: 0 of 1 layers.*\.\.\.\n NAME /);
    expect(await terminal.scrolled()).toBe(0);
    registry?.release();
    // Nothing in it can be run.
    expect(await terminal.exitCode()).toBe(1);
    expect(await terminal.screen()).not.toContain("Pulling the image");
  }, 90_000);
});
