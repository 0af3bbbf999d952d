/** What a user gets wrong: each one clear message, the right exit code, no trace of our insides. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { createJoinToken } from "./harness/agent.ts";
import { type Finished, run } from "./harness/program.ts";
import { AGENT, cleanEnvironment } from "./harness/programs.ts";
import { describeWith } from "./harness/requirements.ts";
import { NEEDS, openSystem, type System } from "./harness/system.ts";

const TRACE = /^\s+at .+:\d+|node_modules|\$bunfs/m;

describeWith(NEEDS.process, "bad input", () => {
  let system: System;
  beforeAll(async () => {
    system = await openSystem({ runtime: "process" });
  }, 30_000);
  afterAll(() => system[Symbol.asyncDispose]());

  const expectRefusal = ({ code, stdout, stderr }: Finished, pattern: RegExp) => {
    expect(stdout + stderr).toMatch(pattern);
    expect(stdout + stderr).not.toMatch(TRACE);
    expect(code).toBe(1);
  };
  const apply = (yaml: string, ...args: string[]) =>
    system.coordinator.client.dstack(["apply", "-y", "-f", "-", ...args], { input: yaml });

  test("a wrong token", async () => {
    const { client, url } = system.coordinator;
    const wrong = { DSTACK_SERVER_URL: url, DSTACK_TOKEN: "wrong", DSTACK_PROJECT: "main" };
    expectRefusal(await client.dstack(["ps"], { env: wrong }), /Access to \S+ is denied/);
  });

  test("an unknown project", async () => {
    const { client, url, token } = system.coordinator;
    const env = { DSTACK_SERVER_URL: url, DSTACK_TOKEN: token, DSTACK_PROJECT: "absent" };
    expectRefusal(await client.dstack(["ps"], { env }), /not found|denied/i);
    expectRefusal(await client.dstack(["ps", "--project", "absent"]), /Project absent is not configured/);
  });

  test("a coordinator that is not there", async () => {
    const { client } = system.coordinator;
    const env = { DSTACK_SERVER_URL: "http://127.0.0.1:9", DSTACK_TOKEN: "any", DSTACK_PROJECT: "main" };
    expectRefusal(await client.dstack(["ps"], { env }), /Failed to connect to dstack server http:\/\/127/);
  }, 15_000);

  test("YAML that is none, by line and column", async () => {
    expectRefusal(await apply("type: task\ncommands: [echo\n"), /standard input:3:1: /);
  });

  test("a property that does not exist", async () => {
    expectRefusal(await apply("type: task\ncomands: [echo]\n"), /comands/);
  });

  test("a file that does not exist", async () => {
    const { client } = system.coordinator;
    expectRefusal(
      await client.dstack(["apply", "-y", "-f", "absent.yml"]),
      /Configuration file absent\.yml does not exist/,
    );
  });

  test("no host has what is asked: an empty table, and the reason", async () => {
    const task = system.task("too-much", ["echo never"], { resources: { gpu: "H100:8" } });
    expectRefusal(await apply(task), /No matching instance offers available/);
  }, 30_000);

  test("an image on a host without a container engine", async () => {
    const task = system.task("no-engine", ["echo never"], { image: "busybox" });
    expectRefusal(await apply(task), /docker|container engine/i);
  }, 30_000);

  test("a command that does not exist", async () => {
    expectRefusal(
      await apply(system.task("no-command", ["no-such-command"])),
      /not found[\s\S]*Exited \(127\)/,
    );
  }, 30_000);

  test("a run that does not exist", async () => {
    const { client } = system.coordinator;
    for (const command of [
      ["logs", "absent"],
      ["stop", "-y", "absent"],
      ["run", "get", "absent", "--json"],
    ]) {
      expectRefusal(await client.dstack(command), /absent not found|Resource not found/);
    }
  });

  test("a join token that is wrong or revoked", async () => {
    const { client, url } = system.coordinator;
    const join = (token: string) => {
      const stateDir = `${system.dir}/refused-${token.length}`;
      return run([AGENT, "join", "--url", url, "--state-dir", stateDir, "--runtime", "process"], {
        env: { ...cleanEnvironment(system.dir), DSTACK_JOIN_TOKEN: token },
      });
    };
    expectRefusal(await join("wrong"), /token/i);
    const { id, token } = await createJoinToken(client, "e2e");
    await client.dstackOk(["fleet", "token", "revoke", id]);
    expectRefusal(await join(token), /token/i);
  });

  test("a client configuration that is corrupt", async () => {
    const home = join(system.dir, "corrupt");
    await Bun.write(join(home, ".dstack/config.yml"), "projects: {{{\n");
    const finished = await system.coordinator.client.dstack(["ps"], { env: { HOME: home } });
    expectRefusal(finished, /config\.yml/);
  });
});
