import assert from "node:assert/strict";
import { join } from "node:path";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import { freePort } from "../../e2e/harness/freePort.ts";
import type { Case } from "../case.ts";
import { assertHas } from "../expect.ts";
import { aliases } from "../scene.ts";
import { openSite, PAGE, pageAt } from "../site.ts";
import { CTRL_C } from "../terminal.ts";

const ATTACHED = /Press Ctrl\+C to detach/;

export const attachCases: Case[] = [
  {
    name: "attach",
    expect:
      "ports, live logs from their beginning, `ssh RUN`; Ctrl-C detaches with 0, the run goes on, no alias is left",
    covers: { attach: ["RUN_NAME", "--logs", "--host", "--port", "--replica", "--job", "--project"] },
    run: async (scene) => {
      const { name, terminal, byAlias, getRun, ok } = scene;
      const { port, localPort } = await openSite(scene, { first: ["echo hello from the job"] });
      const flags = ["--logs", "--replica", "0", "--job", "0", "--host", "127.0.0.1"];
      await using attached = terminal([
        "attach",
        "--project",
        "main",
        name,
        ...flags,
        "-p",
        `${localPort}:${port}`,
      ]);
      const text = await attached.waitFor(ATTACHED, 60_000);
      assert.match(text, new RegExp(`Attached to run ${name} \\(replica=0 job=0\\)`));
      assert.match(text, new RegExp(`:${localPort} -> ${port}`));
      await attached.waitFor(/hello from the job/);
      assert.equal(await pageAt(localPort), PAGE);
      const shell = await byAlias(["ssh", name, "echo $DSTACK_RUN_NAME; cat; exit 3"], "typed\n");
      assert.deepEqual([shell.stdout, shell.code], [`${name}\ntyped\n`, 3], shell.stderr);
      attached.type(CTRL_C);
      await attached.waitFor(/Detached/);
      assert.equal(await attached.ended(), 0);
      assert.doesNotMatch(await aliases(scene), new RegExp(`^Host ${name}$`, "m"));
      assert.equal((await getRun()).status, "running");
      await ok(["stop", name, "-x", "-y"]);
    },
  },
  {
    name: "attach-since",
    expect: "--since leaves out what was printed before that; the end of the job ends the client, with 0",
    covers: { attach: ["--since"] },
    run: async (scene) => {
      const { name, terminal, byAlias, ok } = scene;
      const commands = ["echo before", "while [ ! -e over ]; do sleep 0.1; done", "echo after"];
      await ok(["apply", "-f", await scene.task(commands), "-y", "-d"]);
      await scene.waitForStatus("running");
      await waitFor("the first line", async () => (await ok(["logs", name])).includes("before"), 60_000);
      await using attached = terminal(["attach", name, "--logs", "--since", new Date().toISOString()]);
      await attached.waitFor(/To connect to the run via SSH/, 60_000);
      await byAlias(["ssh", name, "touch over"]);
      assert.doesNotMatch(await attached.waitFor(/after/), /before/);
      assert.equal(await attached.ended(60_000), 0);
    },
  },
  {
    name: "attach-identity",
    expect: "a key of the user's own, given to apply, attaches; without it attach says that no key fits",
    covers: { attach: ["--ssh-identity"] },
    run: async (scene) => {
      const { name, terminal, fails, ok, byAlias } = scene;
      const key = await scene.makeKey();
      const file = await scene.task(["sleep 600"]);
      await ok(["apply", "-f", file, "-y", "-d", "--ssh-identity", key]);
      await scene.waitForStatus("running");
      assert.match(await fails(["attach", name]), /User SSH key doesn't match/);
      await using attached = terminal(["attach", name, "--ssh-identity", key]);
      await attached.waitFor(ATTACHED, 60_000);
      assert.equal((await byAlias(["ssh", name, "echo in"])).stdout, "in\n");
      attached.type(CTRL_C);
      assert.equal(await attached.ended(), 0);
      await ok(["stop", name, "-x", "-y"]);
    },
  },
  {
    name: "attach-job",
    expect: "another node of the run, by its own alias, beside somebody who is attached to the first",
    covers: { attach: ["--job"] },
    run: async (scene) => {
      const { name, terminal, fails, ok, byAlias } = scene;
      await ok(["apply", "-f", await scene.task(["sleep 600"], { nodes: 2 }), "-y", "-d"]);
      await scene.waitForStatus("running");
      await using first = terminal(["attach", name]);
      // Its client lets go of the port that it has found before its ssh takes it: another one must not find it meanwhile.
      await first.waitFor(ATTACHED, 60_000);
      await using second = terminal(["attach", name, "--job", "1"]);
      await second.waitFor(new RegExp(`use .ssh ${name}-1-0.`), 60_000);
      const rankOf = async (alias: string) =>
        (await byAlias(["ssh", alias, "echo $DSTACK_NODE_RANK"])).stdout;
      assert.deepEqual([await rankOf(name), await rankOf(`${name}-1-0`)], ["0\n", "1\n"]);
      for (const one of [first, second]) {
        one.type(CTRL_C);
        assert.equal(await one.ended(), 0);
      }
      assert.match(await fails(["attach", name, "--replica", "3"]), /Failed to find replica=3 job=0/);
      await ok(["stop", name, "-x", "-y"]);
    },
  },
  {
    name: "attach-unknown-host",
    expect: "a host key that the user does not know is no host to attach to: said, exit 1; the run goes on",
    covers: {},
    run: async (scene) => {
      const { name, fails, ok, home } = scene;
      await ok(["apply", "-f", await scene.task(["sleep 600"]), "-y", "-d"]);
      await scene.waitForStatus("running");
      await Bun.write(join(home, ".ssh/known_hosts"), "");
      assert.match(await fails(["attach", name]), /Can't connect to the remote host/);
      assert.doesNotMatch(await aliases(scene), new RegExp(`^Host ${name}$`, "m"));
      assert.equal((await scene.getRun()).status, "running");
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
    expect:
      "output as it comes, with addresses of ports as they are here; the ports; the end of the job, exit 0",
    covers: { "apply task": ["--host", "--port"] },
    smoke: true,
    run: async ({ name, task, terminal, waitForStatus }) => {
      const [port, localPort] = [await freePort(), await freePort()];
      const commands = [
        `echo see http://127.0.0.1:${port}/page`,
        // Answers once.
        `python3 -c 'import http.server as h
class One(h.BaseHTTPRequestHandler):
  def do_GET(self):
    self.send_response(200); self.end_headers(); self.wfile.write(b"once")
h.HTTPServer(("127.0.0.1", ${port}), One).handle_request()'`,
        "echo good bye",
      ];
      const flags = ["-y", "-p", `${localPort}:${port}`, "--host", "127.0.0.1"];
      await using applying = terminal(["apply", "-f", await task(commands), ...flags]);
      await applying.waitFor(new RegExp(`${name} provisioning completed \\(running\\)`), 60_000);
      await applying.waitFor(new RegExp(`see http://127.0.0.1:${localPort}/page`), 60_000);
      assert.equal(await pageAt(localPort), "once");
      const text = await applying.waitFor(/Exited \(0\)/, 60_000);
      assert.match(text, /good bye/);
      assert.equal(await applying.ended(), 0);
      const { run_spec: spec } = await waitForStatus("done");
      assertHas(spec.configuration, { ports: [{ local_port: localPort, container_port: port }] });
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
