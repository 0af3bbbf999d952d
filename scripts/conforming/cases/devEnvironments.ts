import assert from "node:assert/strict";
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import { freePort } from "../../e2e/harness/freePort.ts";
import { runOk } from "../../e2e/harness/program.ts";
import type { Case } from "../case.ts";
import { assertHas, assertInOrder } from "../expect.ts";
import { aliases, type Scene } from "../scene.ts";
import { PAGE, pageAt, siteCommands } from "../site.ts";
import { CTRL_C } from "../terminal.ts";

const write = ({ write: put, name }: Scene, more: Record<string, unknown>): Promise<string> =>
  put(`${name}.dstack.yml`, {
    type: "dev-environment",
    name,
    fleets: ["pool"],
    resources: { cpu: "1..", memory: "64MB..", disk: "100MB.." },
    ...more,
  });

const program = async (path: string, text: string): Promise<void> => {
  await Bun.write(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
};

/** An editor here, as the client asks it for its version; `server`: whether the coordinator has what belongs to it. */
const installEditor = async ({ home, stage }: Scene, server: "archived" | "absent") => {
  const commit = crypto.randomUUID().replaceAll("-", "").padEnd(40, "0");
  const bin = join(home, "editor");
  await program(join(bin, "code"), `printf '1.99.0\\n${commit}\\nx64\\n'`);
  if (server === "archived") {
    const archives = join(stage.coordinator.home, ".dstack/server/data/ide");
    mkdirSync(archives, { recursive: true });
    await program(join(home, "archive/server/bin/code-server"), "echo I am the server");
    const [arch, whole] = [process.arch === "arm64" ? "arm64" : "x64", join(home, "server.tar.gz")];
    await runOk(["tar", "-czf", whole, "-C", join(home, "archive"), "server"]);
    await runOk(["mv", whole, join(archives, `vscode-${commit}-${arch}.tar.gz`)]);
  }
  const folder = join(userInfo().homedir, ".vscode-server/bin", commit);
  return {
    commit,
    folder,
    path: (path: string | undefined) => `${bin}:${path}`,
    // Hosts without containers have the home of whoever their agents run as.
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
};

export const devEnvironmentCases: Case[] = [
  {
    name: "dev-environment-attached",
    expect:
      "attached: the server of the editor as it is here, setup, init, the link, ports, `ssh RUN`; Ctrl-C asks, and n detaches with 0",
    covers: {
      apply: ["--file"],
      "apply dev-environment": ["--name", "--port", "--host"],
    },
    run: async (scene) => {
      const { name, terminal, byAlias, env, getRun, ok } = scene;
      using editor = await installEditor(scene, "archived");
      const [port, localPort] = [await freePort(), await freePort()];
      const [page, serve] = siteCommands(port);
      const init = ["echo begun", page, `(${serve}) > /dev/null 2>&1 &`];
      const file = await write(scene, { name: "other", ide: "vscode", setup: ["echo set-up"], init });
      const flags = ["-n", name, "-p", `${localPort}:${port}`, "--host", "127.0.0.1"];
      const PATH = editor.path(env["PATH"]);
      await using applying = terminal(["apply", "-f", file, ...flags], {
        env: { PATH, DSTACK_FF_CLI_PRINT_JOB_CONNECTION_INFO: "1" },
      });
      await applying.waitFor(/Submit the run .*\[y\/n\]/);
      applying.type("y\r");
      const text = await applying.waitFor(/To exit, press Ctrl\+C\./, 60_000);
      const { jobs } = await getRun();
      const [job] = jobs;
      const { working_dir: folder } = job?.job_submissions.at(-1)?.job_runtime_data ?? {};
      const link = `vscode://vscode-remote/ssh-remote+${name}${folder}`;
      assertInOrder(text.replaceAll(/\s+/g, " "), [
        `${name} provisioning completed (running)`,
        // The client's own hints, of the run's connection info: attached, and by the proxy.
        "To open in VS Code, use links below:",
        link,
        "vscode://vscode-remote/ssh-remote+",
        `To connect via SSH, use: ssh ${name} or ssh `,
        // The job's.
        `VS Code server ${editor.commit} is there`,
        "set-up begun To open in VS Code, use link below:",
        link,
        `To connect via SSH, use: \`ssh ${name}\``,
      ]);
      assertHas(job?.job_connection_info, {
        ide_name: "VS Code",
        attached_ide_url: link,
        attached_ssh_command: ["ssh", name],
      });
      assert.equal(await pageAt(localPort), PAGE);
      const there = await byAlias(["ssh", name, `pwd; ${join(editor.folder, "bin/code-server")}`]);
      assert.equal(there.stdout, `${folder}\nI am the server\n`);
      // As the client's own hint has it, for a machine where nobody is attached.
      const alias = (await aliases(scene))
        .split(/^(?=Host )/m)
        .find((block) => block.startsWith(`Host ${name}\n`));
      const key = alias?.match(/IdentityFile "?([^"\n]+)/)?.[1];
      assert.ok(key, alias);
      const [, ...proxied] = job?.job_connection_info?.proxied_ssh_command ?? [];
      const byProxy = await byAlias(["ssh", "-i", key, ...proxied, "echo $DSTACK_RUN_NAME"]);
      assert.equal(byProxy.stdout, `${name}\n`, byProxy.stderr);
      applying.type(CTRL_C);
      await applying.waitFor(/Stop the run .* before detaching\?/);
      applying.type("n\r");
      await applying.waitFor(/Detached/);
      assert.equal(await applying.ended(), 0);
      assert.doesNotMatch(await aliases(scene), new RegExp(`^Host ${name}$`, "m"));
      assert.equal((await getRun()).status, "running");
      await ok(["stop", name, "-y"]);
      await scene.waitForStatus("terminated");
    },
  },
  {
    name: "dev-environment-stopped",
    expect:
      "an editor whose server nobody has: said, and it goes on; Ctrl-C and y stops the run; what init ends with is the exit code",
    covers: { apply: ["--file", "--yes"] },
    run: async (scene) => {
      const { terminal, env, fails, waitForStatus } = scene;
      using editor = await installEditor(scene, "absent");
      const file = await write(scene, { ide: "vscode", init: ["echo begun"] });
      await using applying = terminal(["apply", "-f", file], { env: { PATH: editor.path(env["PATH"]) } });
      await applying.waitFor(/Submit the run .*\[y\/n\]/);
      applying.type("y\r");
      const text = await applying.waitFor(/To exit, press Ctrl\+C\./, 60_000);
      assertInOrder(text, [
        `Installing VS Code server ${editor.commit}`,
        "VS Code does it when it connects",
        "begun",
      ]);
      applying.type(CTRL_C);
      await applying.waitFor(/Stop the run .* before detaching\?/);
      applying.type("y\r");
      await applying.waitFor(/Stopped/);
      assert.equal(await applying.ended(), 0);
      await waitForStatus("terminated");
      const failing = await write(scene, { init: ["exit 7"] });
      assert.match(await fails(["apply", "-f", failing, "-y"]), /Exited \(7\)/);
    },
  },
  {
    name: "dev-environment",
    expect:
      "setup and init run, then its log has the link and the way in by SSH; it runs until it is stopped",
    covers: { apply: ["--file", "--detach"] },
    smoke: true,
    run: async (scene) => {
      const { name, ok, waitForStatus } = scene;
      const file = await write(scene, { ide: "cursor", setup: ["echo set-up"], init: ["echo begun"] });
      assert.match(await ok(["apply", "-f", file, "-y", "-d"]), /^ Type +dev-environment *$/m);
      await waitForStatus("running");
      const log = await waitFor("the hint", async () => {
        const said = await ok(["logs", name]);
        return said.includes("To exit, press Ctrl+C.") ? said : undefined;
      });
      assert.match(log, /set-up\r?\nbegun\r?\n\r?\nTo open in Cursor, use link below:/);
      assert.match(log, new RegExp(`cursor://vscode-remote/ssh-remote\\+${name}/\\S+`));
      assert.match(log, new RegExp(`To connect via SSH, use: \`ssh ${name}\``));
      await ok(["stop", name, "-y"]);
      await waitForStatus("terminated");
    },
  },
  {
    name: "dev-environment-init-fails",
    expect: "the first command of init that fails ends it, with its exit status",
    covers: { apply: ["--detach"] },
    run: async (scene) => {
      const { name, ok, json, waitForStatus } = scene;
      await ok(["apply", "-f", await write(scene, { init: ["exit 7", "echo never"] }), "-y", "-d"]);
      await waitForStatus("failed");
      assertHas(await json(["run", "get", name, "--json"]), {
        jobs: [{ job_submissions: [{ exit_status: 7, termination_reason: "container_exited_with_error" }] }],
      });
      assert.doesNotMatch(await ok(["logs", name]), /never|To connect/);
    },
  },
  {
    name: "dev-environment-update",
    expect:
      "inactivity_duration is changed in place; whoever is idle for that long is ended, with the reason",
    covers: { apply: ["--yes"], ps: ["--all", "--verbose"] },
    run: async (scene) => {
      const { name, ok, json, getRun, waitForStatus } = scene;
      await ok(["apply", "-f", await write(scene, { inactivity_duration: "1h" }), "-y", "-d"]);
      const { id } = await waitForStatus("running");
      const changed = await write(scene, { inactivity_duration: 3 });
      assert.match(await ok(["apply", "-f", changed, "-y", "-d"]), /inactivity_duration|Inactivity duration/);
      assert.equal((await getRun()).id, id);
      await waitForStatus("terminated");
      assertHas(await json(["run", "get", name, "--json"]), {
        jobs: [{ job_submissions: [{ termination_reason: "inactivity_duration_exceeded" }] }],
      });
      assert.match(await ok(["ps", "-a", "-v"]), /inactivity duration exceeded/);
    },
  },
];
