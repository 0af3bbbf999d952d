/** What scripts rely on (docs/spec/cli.md §10), row by row, with the compiled programs. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Fleet } from "../../shared/api/fleets.ts";
import { Run } from "../../shared/api/runs.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import type { Client } from "./harness/client.ts";
import { run, startProgram } from "./harness/program.ts";
import { cleanEnvironment, DSTACK } from "./harness/programs.ts";
import { describeWith } from "./harness/requirements.ts";
import { openSystem, type System } from "./harness/system.ts";

/** A job of the process runtime may have a terminal, whose lines end in two characters. */
const plain = (output: string): string => output.replaceAll("\r", "");

describeWith(["programs"], "the automation contract", () => {
  let system: System;
  let client: Client;
  beforeAll(async () => {
    system = await openSystem({ runtime: "process" });
    ({ client } = system.coordinator);
  }, 60_000);
  afterAll(() => system[Symbol.asyncDispose]());

  const write = async (name: string, commands: readonly string[], more: Record<string, unknown> = {}) => {
    const file = join(system.coordinator.home, `${name}.dstack.yml`);
    await Bun.write(file, system.task(name, commands, more));
    return file;
  };
  const isThere = async (name: string) => (await client.dstack(["run", "get", name, "--json"])).code === 0;
  const stop = async (name: string) => {
    await client.dstackOk(["stop", "-x", "-y", name]);
    await client.waitForEnd(name);
  };

  test("echo n | dstack apply: the plan, and nothing else", async () => {
    const file = await write("planned", ["true"]);
    const { code, stdout, stderr } = await client.dstack(["apply", "-f", file], { input: "n\n" });
    expect(stdout).toMatch(/^ Project +main$/m);
    expect(stdout).toMatch(/^ # {2}BACKEND +RESOURCES +INSTANCE TYPE +PRICE/m);
    expect(stdout).toEndWith("Submit the run planned? [y/n]: \nExiting...\n");
    expect([code, stderr]).toEqual([0, ""]);
    expect(await isThere("planned")).toBe(false);
  }, 30_000);

  test("a question to nobody: one line, exit code 1, and nothing was done", async () => {
    const file = await write("unanswered", ["true"]);
    const { code, stdout, stderr } = await client.dstack(["apply", "-f", file], { input: "" });
    expect(stdout).toEndWith(
      "\nCannot ask: standard input is at its end. Use -y to go ahead without a question\n",
    );
    expect([code, stderr]).toEqual([1, ""]);
    expect(await isThere("unanswered")).toBe(false);
  }, 30_000);

  test("apply -y -d: submits, its last line says so; again while it runs: nothing to do", async () => {
    const file = await write("detached", ["sleep 600"]);
    const first = await client.dstackOk(["apply", "-f", file, "-y", "-d"]);
    expect(first).toEndWith("Run detached submitted, detaching...\n");
    const { id } = await client.waitForRun("detached", ({ status }) => status === "running");
    const again = await client.dstackOk(["apply", "-f", file, "-y", "-d"]);
    expect(again).toContain("Active run detached already exists. Detected no changes.\n");
    expect(again).toEndWith("Use --force to apply anyway.\n");
    expect((await client.getRun("detached")).id).toBe(id);
    await stop("detached");
  }, 30_000);

  test("apply -y: blocks, and its exit code is the outcome", async () => {
    const outcome = async (name: string, command: string) =>
      (await client.dstack(["apply", "-y", "-f", await write(name, [command])])).code;
    expect(await outcome("good", "true")).toBe(0);
    expect(await outcome("bad", "exit 7")).toBe(1);
  }, 30_000);

  test("apply -y: an interrupt detaches without a question", async () => {
    const file = await write("interrupted", ["echo it is up", "sleep 600"]);
    await using apply = client.startDstack(["apply", "-y", "-f", file], {
      logFile: join(system.dir, "interrupted.log"),
    });
    await apply.waitForOutput(/^it is up\r?$/m);
    process.kill(apply.pid, "SIGINT");
    expect(await apply.exited).toBe(0);
    expect(apply.output()).toEndWith("\nDetached\n");
    expect((await client.getRun("interrupted")).status).toBe("running");
    await stop("interrupted");
  }, 30_000);

  test("cat FILE | dstack apply -f - -y -d; without -y it is refused", async () => {
    const input = system.task("piped", ["true"]);
    expect(await client.dstackOk(["apply", "-f", "-", "-y", "-d"], { input })).toEndWith(
      "Run piped submitted, detaching...\n",
    );
    expect((await client.waitForEnd("piped")).run_spec.configuration_path).toBe("-");
    expect(await client.dstack(["apply", "-f", "-"], { input })).toMatchObject({
      code: 1,
      stdout: "Cannot read configuration from stdin if -y/--yes is not specified\n",
    });
  }, 30_000);

  test("options put themselves over the file", async () => {
    const file = await write("written", ["true"], { env: { A: "file", B: "file" } });
    const options = ["-n", "given", "-e", "A=1", "--gpu", "0", "--fleet", "e2e", "-b", "remote"];
    const more = ["-r", "remote", "--spot-auto", "--max-price", "9.5", "--reuse"];
    await client.dstackOk(["apply", "-f", file, "-yd", ...options, ...more]);
    const { run_spec: spec } = await client.waitForEnd("given");
    expect(spec.configuration).toMatchObject({
      name: "given",
      env: { A: "1", B: "file" },
      resources: { gpu: { count: { min: 0, max: 0 } } },
      fleets: [expect.anything()],
      backends: ["remote"],
      regions: ["remote"],
      spot_policy: "auto",
      max_price: 9.5,
      creation_policy: "reuse",
    });
  }, 30_000);

  test("run get --json, asked until the run is over", async () => {
    const file = await write("polled", ["exit 5"]);
    await client.dstackOk(["apply", "-f", file, "-yd"]);
    const get = async () => JSON.parse(await client.dstackOk(["run", "get", "polled", "--json"]));
    const over = await waitFor("the end", async () => {
      const found = await get();
      return ["done", "failed", "terminated"].includes(found.status) && found;
    });
    const last = over.jobs[0].job_submissions.at(-1);
    expect(over).toMatchObject({ status: "failed", service: null });
    expect(last).toMatchObject({ exit_status: 5, termination_reason: "container_exited_with_error" });
    expect(Run.safeParse(over).success).toBe(true);
  }, 30_000);

  test("ps --json: newest first, and never more than asked for", async () => {
    for (const name of ["ps-a", "ps-b", "ps-c"]) {
      await client.dstackOk(["apply", "-f", await write(name, ["true"]), "-yd"]);
      await client.waitForEnd(name);
    }
    const names = async (...args: string[]) => {
      const stdout = await client.dstackOk(["ps", "--json", ...args]);
      expect(stdout.match(/\n/g)).toHaveLength(1);
      const { runs }: { runs: Run[] } = JSON.parse(stdout);
      return runs.map(({ run_spec: spec }) => spec.run_name);
    };
    expect(await names("-n", "2")).toEqual(["ps-c", "ps-b"]);
    expect((await names("-a")).slice(0, 3)).toEqual(["ps-c", "ps-b", "ps-a"]);
    // Nothing is unfinished: the latest one.
    expect(await names()).toEqual(["ps-c"]);
  }, 60_000);

  test("logs: dumps and exits, also while the run goes on", async () => {
    const file = await write("talks", ["echo one", "echo two", "sleep 600"]);
    await client.dstackOk(["apply", "-f", file, "-yd"]);
    const logs = async (...args: string[]) => plain(await client.dstackOk(["logs", "talks", ...args]));
    await waitFor("the output", async () => (await logs()) === "one\ntwo\n");
    expect(await logs("--job", "0", "--replica", "0")).toBe("one\ntwo\n");
    expect(await logs("--since", "5m")).toBe("one\ntwo\n");
    expect(await logs("--job", "1")).toBe("");
    expect(await logs("-d")).not.toContain("one");
    expect(await client.dstack(["logs", "nobody"])).toMatchObject({
      code: 1,
      stdout: "Run nobody not found\n",
    });
    await stop("talks");
  }, 30_000);

  test("attach --logs in the background: the output from its beginning; kill ends it, and not the run", async () => {
    const file = await write("watched", ["echo from the start", "sleep 600"]);
    await client.dstackOk(["apply", "-f", file, "-yd"]);
    await client.waitForRun("watched", ({ status }) => status === "running");
    await using attach = client.startDstack(["attach", "watched", "--logs"], {
      logFile: join(system.dir, "attach.log"),
    });
    await attach.waitForOutput(/^from the start\r?$/m);
    await attach.stop();
    expect((await client.getRun("watched")).status).toBe("running");
    await stop("watched");
  }, 30_000);

  test("stop -y [-x]: says at once that it is accepted", async () => {
    for (const [name, options, said] of [
      ["stopped", ["-y"], "Stopped\n"],
      ["aborted", ["-y", "-x"], "Aborted\n"],
    ] as const) {
      await client.dstackOk(["apply", "-f", await write(name, ["sleep 600"]), "-yd"]);
      await client.waitForRun(name, ({ status }) => status === "running");
      expect(await client.dstackOk(["stop", name, ...options])).toBe(said);
      expect((await client.waitForEnd(name)).status).toBe("terminated");
      // Also of one that is over.
      expect(await client.dstackOk(["stop", name, ...options])).toBe(said);
    }
  }, 60_000);

  test("offer --json, and grouped: JSON and nothing else", async () => {
    const offer = async (...args: string[]) =>
      JSON.parse(await client.dstackOk(["offer", "--json", "--cpu", "1..", ...args]));
    const { project, user, offers, total_offers: total } = await offer("--max-offers", "1");
    expect([project, user, offers.length, total]).toEqual(["main", "admin", 1, 1]);
    expect(await offer("--gpu", "H100")).toMatchObject({ offers: [], total_offers: 0 });
    const grouped = await offer("--group-by", "gpu,backend,region,count");
    expect(grouped).toMatchObject({ project: "main", group_by: ["gpu", "backend", "region", "count"] });
    expect(Array.isArray(grouped.gpus)).toBe(true);
  }, 30_000);

  test("fleet get --json, and fleet delete -y of one that is there and one that is not", async () => {
    const fleet = Fleet.parse(JSON.parse(await client.dstackOk(["fleet", "get", "e2e", "--json"])));
    expect(fleet.instances.map(({ status }) => status)).toEqual(["idle"]);
    await client.dstackOk(["fleet", "token", "create", "short-lived"]);
    expect(await client.dstackOk(["fleet", "delete", "short-lived", "-y"])).toBe(
      "Fleet short-lived deleted\n",
    );
    expect(await client.dstack(["fleet", "delete", "ghost", "-y"])).toMatchObject({
      code: 1,
      stdout: "Fleet ghost does not exist\n",
    });
  }, 30_000);

  test("apply of a fleet -y: made, and found again unchanged", async () => {
    const file = join(system.coordinator.home, "rack.dstack.yml");
    await Bun.write(file, "type: fleet\nname: rack\nnodes: 0..2\n");
    const { code, stdout } = await client.dstack(["apply", "-f", file, "-y"]);
    expect([code, stdout]).toEqual([0, expect.stringContaining("Fleet rack does not exist yet.\n")]);
    expect((await client.dstackOk(["apply", "-f", file, "-y"])).trimEnd()).toEndWith(
      "No configuration changes detected. Use --force to apply anyway.",
    );
  }, 30_000);

  test("event --within-run: one line per event", async () => {
    await client.dstackOk(["apply", "-f", await write("told", ["true"]), "-yd"]);
    await client.waitForEnd("told");
    const lines = (await client.dstackOk(["event", "--within-run", "told", "--since", "1h"]))
      .trimEnd()
      .split("\n");
    expect(lines.length).toBeGreaterThan(3);
    for (const line of lines) expect(line).toMatch(/^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] .*told/);
  }, 30_000);

  describe("without a client's configuration", () => {
    const strangerIn = (name: string) => {
      const home = join(system.dir, name);
      mkdirSync(home, { recursive: true });
      return { home, env: cleanEnvironment(home) };
    };

    test("project add -y makes one", async () => {
      const { url, token } = system.coordinator;
      const { home, env } = strangerIn("stranger");
      const dstack = (...args: string[]) => run([DSTACK, ...args], { cwd: home, env });
      const added = await dstack("project", "add", "--name", "main", "--url", url, "--token", token, "-y");
      expect(added).toMatchObject({
        code: 0,
        stdout: expect.stringContaining("INFO     Configuration updated at"),
      });
      expect(await dstack("ps", "--json", "-n", "1")).toMatchObject({ code: 0, stderr: "" });
      const wrong = await dstack("project", "add", "--name", "main", "--url", url, "--token", "wrong", "-y");
      expect(wrong).toMatchObject({
        code: 1,
        stdout: expect.stringContaining("Please check your access token"),
      });
    }, 30_000);

    test("three variables are enough", async () => {
      const { home, env } = strangerIn("guest");
      const { url: DSTACK_SERVER_URL, token: DSTACK_TOKEN } = system.coordinator;
      const found = await run([DSTACK, "ps", "--json"], {
        cwd: home,
        env: { ...env, DSTACK_SERVER_URL, DSTACK_TOKEN, DSTACK_PROJECT: "main" },
      });
      expect(found).toMatchObject({
        code: 0,
        stderr: "",
        stdout: expect.stringContaining('{"project":"main"'),
      });
      const nowhere = await run([DSTACK, "ps"], { cwd: home, env });
      expect(nowhere).toMatchObject({
        code: 1,
        stdout: expect.stringContaining("No default project, specify project name\n"),
      });
    }, 30_000);
  });

  test("errors are on stdout with exit code 1, wrong usage is on stderr with 2", async () => {
    expect(await client.dstack(["ps", "--no-such"])).toEqual({
      code: 1,
      stdout: "Unrecognized arguments: --no-such\n",
      stderr: "",
    });
    const { code, stdout, stderr } = await client.dstack(["logs"]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toEndWith("dstack logs: error: the following arguments are required: RUN\n");
    const closed = await run([DSTACK, "ps"], {
      cwd: system.dir,
      env: {
        ...cleanEnvironment(system.dir),
        DSTACK_SERVER_URL: "http://127.0.0.1:1",
        DSTACK_TOKEN: "t",
        DSTACK_PROJECT: "main",
      },
    });
    expect(closed).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("Failed to connect to dstack server http://127.0.0.1:1"),
    });
  }, 30_000);

  test("whoever reads only the beginning ends the writer", async () => {
    const file = await write("long", ["i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done"]);
    await client.dstackOk(["apply", "-f", file, "-yd"]);
    await client.waitForEnd("long");
    const piped = startProgram({
      name: "logs | head",
      command: ["sh", "-c", `${DSTACK} logs long | head -n 1`],
      logFile: join(system.dir, "head.log"),
      env: cleanEnvironment(system.coordinator.home),
      cwd: system.dir,
    });
    expect(await piped.exited).toBe(0);
    expect(plain(piped.output())).toBe("line 0\n");
  }, 30_000);
});
