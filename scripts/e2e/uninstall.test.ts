/**
 * What is left of an installation once it is removed: nothing. On a machine with system folders of its own, where a script
 * stands for systemctl: no systemd can run in a network namespace. It does what the unit says, and notes how it was called.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { createJoinToken } from "./harness/agent.ts";
import { type Coordinator, startCoordinator } from "./harness/coordinator.ts";
import { createNetwork } from "./harness/network.ts";
import { describeWith } from "./harness/requirements.ts";
import { type Machine, startMachine } from "./harness/sshMachine.ts";
import { SMALL } from "./harness/system.ts";

const PATIENCE = 60_000;

const SYSTEMCTL = `#!/bin/sh
echo "$*" >>"OWN/called"
unit=/etc/systemd/system/dstack-agent.service
wants=/etc/systemd/system/multi-user.target.wants
stop() { [ ! -e OWN/main ] || kill "$(cat OWN/main)" 2>/dev/null; rm -f OWN/main; }
case "$1" in
  enable) mkdir -p "$wants"; ln -sf "$unit" "$wants/" ;;
  disable) stop; rm "$wants/dstack-agent.service"; rmdir --ignore-fail-on-non-empty "$wants" ;;
  restart)
    stop
    set -a
    [ ! -e /etc/default/dstack-agent ] || . /etc/default/dstack-agent
    eval "exec setsid $(sed -n 's/^ExecStart=//p' "$unit")" </dev/null >>OWN/agent.log 2>&1 &
    echo $! >OWN/main
    ;;
esac
`;

/** /tmp of its own as well, with the folder of the machine in it; and what says that systemd runs. */
const PREPARE = `
mkdir -p /run/systemd/system /run/own
mount --rbind "$own" /run/own
mount -t tmpfs tmpfs /tmp
mkdir -p "$own"
mount --rbind /run/own "$own"
install -m 755 "$own/systemctl" /usr/local/sbin/systemctl
`;

/** All that install.sh and the agent may make, of files that a system has elsewhere too. */
const LISTED = [
  "/etc/default/dstack-agent",
  "/etc/systemd/system/dstack-agent.service",
  "/etc/systemd/system/multi-user.target.wants/dstack-agent.service",
  "/usr/local/bin/dstack-agent",
  "/var/lib/dstack-agent",
];

describeWith(["programs", "root", "curl", "sshd"], "an installation that is removed", () => {
  const undo = new AsyncDisposableStack();
  let dir: string;
  let coordinator: Coordinator;
  let machine: Machine;

  beforeAll(async () => {
    dir = undo.use(tempDir()).path;
    const network = undo.use(await createNetwork());
    coordinator = undo.use(await startCoordinator({ dir: join(dir, "c"), ip: network.ip }));
    const own = join(dir, "host");
    mkdirSync(own);
    writeFileSync(join(own, "systemctl"), SYSTEMCTL.replaceAll("OWN", own));
    machine = undo.use(await startMachine(network, "host", { dir, key: "", prepare: PREPARE }));
  }, PATIENCE);
  afterAll(() => undo.disposeAsync(), PATIENCE);

  /** What this machine has of its own: whatever was changed in the system's folders, and all of /run and /tmp. */
  const files = async (): Promise<string[]> => {
    const own = join(dir, "host");
    const skipped = [own, "/run/own"].flatMap((path) => ["-path", path, "-prune", "-o"]);
    const { stdout } = await machine.run(["find", "/run", "/tmp", ...skipped, "-print"]);
    const changed = await machine.run(["find", join(own, "tree"), "-path", "*/upper/*"]);
    const paths = changed.stdout.split("\n").map((path) => path.replace(/^.*\/tree(.*)\/upper\//, "$1/"));
    // A folder of the system is there as soon as something in it has changed.
    const isSystems = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
    const made = paths.filter((path) => !isSystems(path));
    return [...stdout.split("\n"), ...made].filter(Boolean).sort();
  };
  const processes = async () => (await machine.run(["pgrep", "-f", "dstack-agent"])).stdout;
  const called = () => readFileSync(join(dir, "host/called"), "utf8").split("\n").filter(Boolean);

  /** Joins, and has a job that leaves something. */
  const install = async (name: string) => {
    writeFileSync(join(dir, "host/called"), "");
    const { token } = await createJoinToken(coordinator.client, name);
    const { code, stderr } = await machine.run([
      "sh",
      "-c",
      `curl -fsSL ${coordinator.url}/install.sh | sh -s -- --runtime process --token ${token}`,
    ]);
    expect([code, stderr]).toEqual([0, ""]);
    const instances = async () => (await coordinator.client.getFleet(name)).instances;
    await waitFor("it to be idle", async () => (await instances())[0]?.status === "idle", PATIENCE);
    const task = {
      type: "task",
      name,
      commands: ["echo kept >kept", "exec sleep 1000"],
      resources: SMALL,
      fleets: [name],
    };
    await coordinator.client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input: JSON.stringify(task) });
    await coordinator.client.waitForRun(name, ({ status }) => status === "running");
    // What installations leave that were cut off (joiningCuts.test.ts).
    await machine.run(["mkdir", "/usr/local/bin/.dstack-agent.abcdef"]);
    await machine.run(["touch", "/root/.dstack-agent.gz"]);
    const there = await files();
    expect(there).toEqual(expect.arrayContaining(LISTED));
    expect(called()).toEqual([
      "daemon-reload",
      "enable --quiet dstack-agent.service",
      "restart dstack-agent.service",
    ]);
    return (await instances())[0]?.name ?? "";
  };

  test("by hand, with a job that runs", async () => {
    const before = await files();
    await install("hand");
    const { code, stderr } = await machine.run([
      "sh",
      "-c",
      `curl -fsSL ${coordinator.url}/install.sh | sh -s -- --uninstall`,
    ]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(called().slice(3)).toEqual(["disable --quiet --now dstack-agent.service", "daemon-reload"]);
    expect(await processes()).toBe("");
    expect(await files()).toEqual(before);
  }, 90_000);

  test("over the link, by the agent itself", async () => {
    const before = await files();
    const name = await install("link");
    await coordinator.client.dstackOk(["instance", "remove", name, "--uninstall", "--force", "-y"]);
    await waitFor("its processes to end", async () => (await processes()) === "", PATIENCE);
    await waitFor("its files to be gone", async () => Bun.deepEquals(await files(), before), PATIENCE).catch(
      async (err: unknown) => {
        const left = (await files()).filter((path) => !before.includes(path));
        throw new Error(`There is still ${left.join(", ")}`, { cause: err });
      },
    );
  }, 90_000);
});
