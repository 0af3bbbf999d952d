/** One line on a new host: it downloads, verifies, joins and runs; then it takes a job. */
import { expect, test } from "bun:test";
import { chownSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { createJoinToken } from "./harness/agent.ts";
import { startCoordinator } from "./harness/coordinator.ts";
import { killJobsOf } from "./harness/leftovers.ts";
import { createNetwork } from "./harness/network.ts";
import { runOk } from "./harness/program.ts";
import { cleanEnvironment } from "./harness/programs.ts";
import { describeWith } from "./harness/requirements.ts";
import { NEEDS, SMALL } from "./harness/system.ts";

/** Without root, as with it the script would install into this machine's own system folders. */
const NOBODY = 65_534;
const asNobody = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];

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

    const { join_command } = await createJoinToken(client, "homelab");
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
    });
    const { code, stdout } = await client.dstack(["apply", "-y", "-f", "-"], { input: task });
    expect(stdout).toContain("there from there");
    expect(code).toBe(0);

    // Again, without a token: the same program, the same identity.
    expect(await install(`curl -fsSL ${coordinator.url}/install.sh | sh`)).toContain("is up to date");
    expect(await waitFor("the host again", idle, 15_000)).toMatchObject({ id: joined.id });

    await install(`curl -fsSL ${coordinator.url}/install.sh | sh -s -- --uninstall`);
    expect(existsSync(join(home, ".local/bin/dstack-agent"))).toBe(false);
    expect(existsSync(join(home, ".local/state/dstack-agent"))).toBe(false);
  }, 120_000);
});
