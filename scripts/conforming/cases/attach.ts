import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Case } from "../case.ts";
import { assertHas } from "../expect.ts";
import { CTRL_C } from "../terminal.ts";

const UNREACHABLE = /Can't connect to the remote host/;

export const attachCases: Case[] = [
  {
    name: "attach",
    expect: "says that the host cannot be reached, exit 1; the run goes on, and no alias is left",
    covers: {
      attach: [
        ...["RUN_NAME", "--logs", "--host", "--port", "--replica", "--job"],
        ...["--since", "--ssh-identity", "--project"],
      ],
    },
    later: "attach: ports and shells",
    run: async ({ name, home, ok, fails, task, waitForStatus, getRun }) => {
      await ok(["apply", "-f", await task(["sleep 600"], { ports: [8000] }), "-y", "-d"]);
      await waitForStatus("running");
      const flags = ["--logs", "--since", "1h", "--replica", "0", "--job", "0", "--host", "127.0.0.1"];
      const refused = await fails(["attach", "--project", "main", name, ...flags, "-p", "18123:8000"]);
      assert.match(refused, UNREACHABLE);
      const alias = join(home, ".dstack/ssh/config");
      if (existsSync(alias)) assert.doesNotMatch(await Bun.file(alias).text(), new RegExp(name));
      assert.equal((await getRun()).status, "running");
      await ok(["stop", name, "-x", "-y"]);
    },
  },
  {
    name: "attach-refused",
    expect: "no such run, one that has failed, a port that it does not have: said, exit 1",
    covers: { attach: ["RUN_NAME", "--port"] },
    run: async ({ name, ok, fails, task, waitForStatus }) => {
      assert.match(await fails(["attach", "absent"]), /Run absent not found/);
      await ok(["apply", "-f", await task(["exit 1"]), "-y", "-d"]);
      await waitForStatus("failed");
      assert.match(await fails(["attach", name]), new RegExp(`Run ${name} is failed`));
    },
  },
  {
    name: "apply-attached",
    expect: "the run is submitted and goes on to its end; the client cannot reach the host, says so, exit 1",
    covers: { "apply task": ["--host", "--port"] },
    later: "attach: ports and shells",
    run: async ({ name, ok, fails, task, waitForStatus }) => {
      const file = await task(["echo hello", "sleep 8"]);
      const out = await fails(["apply", "-f", file, "-y", "-p", "18124:8000", "--host", "127.0.0.1"]);
      assert.match(out, new RegExp(`${name} provisioning completed \\(running\\)`));
      assert.match(out, UNREACHABLE);
      const { run_spec: spec } = await waitForStatus("done");
      assertHas(spec.configuration, { ports: [{ local_port: 18_124, container_port: 8000 }] });
      assert.match(await ok(["logs", name]), /^hello\r?$/m);
    },
  },
  {
    name: "apply-attached-fails",
    expect: "a job that fails while the client waits: its status and exit status, exit 1",
    covers: { apply: ["--yes"] },
    run: async ({ name, fails, task }) => {
      const out = await fails(["apply", "-f", await task(["exit 3"]), "-y"]);
      assert.match(out, new RegExp(`${name} provisioning completed \\((failed|terminating)\\)`));
      assert.match(out, /Exited \(3\)/);
    },
  },
  {
    name: "apply-interrupted",
    expect:
      "Ctrl-C while waiting asks; n detaches with 0, and the run goes on; y stops it; with -y no question",
    covers: { apply: ["--yes"] },
    run: async ({ name, ok, write, terminal, getRun, waitForStatus }) => {
      // Waits for a host that is never free: all are taken, or too small.
      const never = {
        type: "task",
        commands: ["true"],
        fleets: ["pool"],
        resources: { cpu: "900.." },
        retry: { on_events: ["no-capacity"], duration: "1h" },
      };
      const file = await write("never.dstack.yml", never);
      for (const [run, answer, left] of [
        [`${name}-n`, "n\r", /Detached/],
        [`${name}-y`, "y\r", /Stopped/],
      ] as const) {
        await using applying = terminal(["apply", "-f", file, "-n", run]);
        await applying.waitFor(/Submit the run .*\[y\/n\]/);
        applying.type("y\r");
        await applying.waitFor(/Launching/);
        applying.type(CTRL_C);
        await applying.waitFor(/Stop the run .* before detaching\?/);
        applying.type(answer);
        await applying.waitFor(left);
        assert.equal(await applying.ended(), 0);
      }
      assert.match((await getRun(`${name}-n`)).status, /submitted|pending/);
      await waitForStatus("terminated", `${name}-y`);
      await using twice = terminal(["apply", "-f", file, "-n", `${name}-t`]);
      await twice.waitFor(/Submit the run .*\[y\/n\]/);
      twice.type("y\r");
      await twice.waitFor(/Launching/);
      twice.type(CTRL_C);
      await twice.waitFor(/Stop the run .* before detaching\?/);
      twice.type(CTRL_C);
      await twice.waitFor(/Cancelled by user/);
      assert.equal(await twice.ended(), 1);
      await using silent = terminal(["apply", "-f", file, "-n", `${name}-d`, "-y"]);
      await silent.waitFor(/Launching/);
      silent.type(CTRL_C);
      await silent.waitFor(/Detached/);
      assert.equal(await silent.ended(), 0);
      for (const run of [`${name}-n`, `${name}-t`, `${name}-d`]) await ok(["stop", run, "-x", "-y"]);
    },
  },
];
