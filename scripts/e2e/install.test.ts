/** One line on a new host: it downloads, verifies, joins and runs; then it takes a job. */
import { expect, test } from "bun:test";
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { createJoinToken } from "./harness/agent.ts";
import { startCoordinator } from "./harness/coordinator.ts";
import { killJobsOf } from "./harness/leftovers.ts";
import { createNetwork } from "./harness/network.ts";
import { runOk, startProgram } from "./harness/program.ts";
import { cleanEnvironment } from "./harness/programs.ts";
import { describeWith } from "./harness/requirements.ts";
import { NEEDS, SMALL } from "./harness/system.ts";

/** Without root, as with it the script would install into this machine's own system folders. */
const NOBODY = 65_534;
const asNobody = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];

/** What the installation has made and is still there: files, and processes of its program. */
const leftOf = (home: string): string[] => [
  ...[".local/bin/dstack-agent", ".local/state/dstack-agent", ".config/dstack-agent.env"]
    .map((path) => join(home, path))
    .filter((path) => existsSync(path)),
  ...readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/exe`).startsWith(home);
    } catch {
      // It has just ended, or is the kernel's own.
      return false;
    }
  }),
];

describeWith([...NEEDS.process, "root"], "install.sh", () => {
  test("joins a host in a network of its own, upgrades it, and leaves nothing", async () => {
    await using undo = new AsyncDisposableStack();
    const { path: dir } = undo.use(tempDir());
    const network = undo.use(await createNetwork());
    const coordinator = undo.use(await startCoordinator({ dir: join(dir, "coordinator"), ip: network.ip }));
    const { client } = coordinator;
    const host = await network.addHost("new");
    const home = join("/tmp", `dstack-install-${process.pid}`);
    mkdirSync(home);
    chownSync(home, NOBODY, NOBODY);
    undo.defer(async () => {
      killJobsOf(home);
      await runOk(["rm", "-rf", home]);
    });
    const install = (line: string) =>
      runOk([...asNobody, "sh", "-c", line], {
        place: host,
        cwd: home,
        env: cleanEnvironment(home),
        timeoutMs: 60_000,
      });

    const { join_command } = await createJoinToken(client, "homelab", { labels: ["rack=a1"] });
    expect(join_command).toStartWith(`curl -fsSL ${coordinator.url}/install.sh | sh -s -- --token `);
    expect(await install(`${join_command} --runtime process --name new-host`)).toMatch(
      /Installed .*dstack-agent/,
    );
    const idle = async () => {
      const { instances } = await client.getFleet("homelab");
      return instances.length === 1 && instances[0]?.status === "idle" && instances[0];
    };
    const joined = await waitFor("the new host to be idle", idle, 15_000);
    const task = JSON.stringify({
      type: "task",
      name: "there",
      commands: ["echo $DSTACK_RUN_NAME from there"],
      resources: SMALL,
      instances: ["rack=a1"],
    });
    const { code, stdout } = await client.dstack(["apply", "-y", "-f", "-"], { input: task });
    expect(stdout).toContain("there from there");
    expect(code).toBe(0);

    // Again, without a token: the same program, the same identity.
    expect(await install(`curl -fsSL ${coordinator.url}/install.sh | sh`)).toContain("is up to date");
    expect(await waitFor("the host again", idle, 15_000)).toMatchObject({ id: joined.id });

    // Over the link: nobody goes to the host.
    const removed = await client.dstackOk(["instance", "remove", joined.name, "--uninstall", "-y"]);
    expect(removed).toContain(`Instance ${joined.name} removed`);
    await waitFor("the host to be clean", () => leftOf(home).length === 0, 30_000);
    expect((await client.getFleet("homelab")).instances).toEqual([]);
  }, 120_000);

  test("a disk image joins at its first start, each copy as a host of its own", async () => {
    await using undo = new AsyncDisposableStack();
    const { path: dir } = undo.use(tempDir());
    const network = undo.use(await createNetwork());
    const coordinator = undo.use(await startCoordinator({ dir: join(dir, "coordinator"), ip: network.ip }));
    const { client } = coordinator;
    const place = await network.addHost("image");
    const home = join(dir, "home");
    mkdirSync(home);
    const { join_command } = await createJoinToken(client, "lab");
    const env = cleanEnvironment(home);
    chmodSync(dir, 0o755);
    chownSync(home, NOBODY, NOBODY);
    const sh = (line: string) =>
      runOk([...asNobody, "sh", "-c", line], { place, cwd: home, env, timeoutMs: 60_000 });
    expect(await sh(`${join_command} --image --runtime process`)).toContain("started at boot");
    const state = join(home, ".local/state/dstack-agent");
    expect(existsSync(join(state, "identity.json"))).toBe(false);
    for (const copy of ["one", "two"]) {
      const stateDir = join(home, copy);
      undo.defer(() => killJobsOf(stateDir));
      const run = `set -a; . ~/.config/dstack-agent.env; exec ~/.local/bin/dstack-agent run --runtime process --state-dir ${stateDir}`;
      undo.use(
        startProgram({
          name: `the copy ${copy}`,
          command: [...asNobody, "sh", "-c", run],
          logFile: join(dir, `${copy}.log`),
          env,
          cwd: home,
          place,
        }),
      );
    }
    const both = async () => {
      const { instances } = await client.getFleet("lab");
      return instances.length === 2 && instances.every(({ status }) => status === "idle");
    };
    await waitFor("two hosts", both, 30_000);
  }, 120_000);
});
