/**
 * What is left of an installation once it is removed: nothing. On machines with system folders of their own. A script stands
 * for systemctl, as no systemd can run in a network namespace: it does what the unit says, and notes how it was called.
 * OpenRC is Debian's.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { createJoinToken } from "./harness/agent.ts";
import { type Coordinator, startCoordinator } from "./harness/coordinator.ts";
import { createNetwork, type Network } from "./harness/network.ts";
import { findOpenrc, withOpenrc } from "./harness/openrc.ts";
import { describeWith } from "./harness/requirements.ts";
import { type Machine, startMachine } from "./harness/sshMachine.ts";
import { SMALL } from "./harness/system.ts";

const PATIENCE = 60_000;

const SYSTEMCTL = `#!/bin/sh
echo "$*" >>"OWN/called"
units=/etc/systemd/system target=multi-user env=/etc/default/dstack-agent
if [ "$1" = --user ]; then
  shift
  units=$HOME/.config/systemd/user target=default env=$HOME/.config/dstack-agent.env
fi
unit=$units/dstack-agent.service
wants=$units/$target.target.wants
stop() { [ ! -e OWN/main ] || kill "$(cat OWN/main)" 2>/dev/null; rm -f OWN/main; }
case "$1" in
  enable) mkdir -p "$wants"; ln -sf "$unit" "$wants/" ;;
  disable) stop; rm "$wants/dstack-agent.service"; rmdir --ignore-fail-on-non-empty "$wants" ;;
  restart)
    stop
    set -a
    [ ! -e "$env" ] || . "$env"
    eval "exec setsid $(sed -n 's/^ExecStart=//p' "$unit")" </dev/null >>OWN/agent.log 2>&1 &
    echo $! >OWN/main
    ;;
esac
`;

/** /tmp of its own as well, with the folder of the machine in it. */
const PREPARE = `
mkdir -p /run/own
mount --rbind "$own" /run/own
mount -t tmpfs tmpfs /tmp
mkdir -p "$own"
mount --rbind /run/own "$own"
install -m 755 "$own/systemctl" /usr/local/bin/systemctl
`;

const SYSTEMD = "mkdir -p /run/systemd/system";

/** All that install.sh and the agent may make, of files that a system has elsewhere too. */
const BY_ROOT = ["/etc/default/dstack-agent", "/usr/local/bin/dstack-agent", "/var/lib/dstack-agent"];
const LISTED = {
  host: [
    ...BY_ROOT,
    "/etc/systemd/system/dstack-agent.service",
    "/etc/systemd/system/multi-user.target.wants/dstack-agent.service",
  ],
  openrc: [...BY_ROOT, "/etc/init.d/dstack-agent", "/etc/runlevels/default/dstack-agent"],
  user: [
    "/home/eve/.config/dstack-agent.env",
    "/home/eve/.config/systemd/user/dstack-agent.service",
    "/home/eve/.config/systemd/user/default.target.wants/dstack-agent.service",
    "/home/eve/.local/bin/dstack-agent",
    "/home/eve/.local/state/dstack-agent",
  ],
};
type Name = keyof typeof LISTED;

const openrc = await findOpenrc();

describeWith(["programs", "root", "curl", "sshd"], "an installation that is removed", () => {
  const undo = new AsyncDisposableStack();
  const machines = new Map<Name, Machine>();
  let dir: string;
  let network: Network;
  let coordinator: Coordinator;

  beforeAll(async () => {
    dir = undo.use(tempDir()).path;
    // Whoever has no rights there finds the programs.
    chmodSync(dir, 0o711);
    network = undo.use(await createNetwork());
    coordinator = undo.use(await startCoordinator({ dir: join(dir, "c"), ip: network.ip }));
  }, PATIENCE);
  afterAll(() => undo.disposeAsync(), PATIENCE);

  const start = async (name: Name, prepare: string): Promise<void> => {
    const own = join(dir, name);
    mkdirSync(own);
    writeFileSync(join(own, "systemctl"), SYSTEMCTL.replaceAll("OWN", own));
    const users = name === "user" ? [{ name: "eve" }] : [];
    const machine = await startMachine(network, name, { dir, key: "", users, prepare: PREPARE + prepare });
    machines.set(name, undo.use(machine));
  };
  const run = (name: Name, ...command: string[]) => {
    const machine = machines.get(name);
    if (!machine) throw new Error(`There is no machine ${name}`);
    return machine.run(command);
  };
  /** As whoever installs there. */
  const sh = (name: Name, line: string) => {
    if (name !== "user") return run(name, "sh", "-c", line);
    return run(name, "su", "-", "eve", "-c", `export XDG_RUNTIME_DIR=${join(dir, "user/runtime")}; ${line}`);
  };

  /** What a machine has of its own: whatever was changed in the system's folders, and all of /run and /tmp. */
  const files = async (name: Name): Promise<string[]> => {
    const own = join(dir, name);
    const skipped = [own, "/run/own"].flatMap((path) => ["-path", path, "-prune", "-o"]);
    const { stdout } = await run(name, "find", "/run", "/tmp", ...skipped, "-print");
    const changed = await run(name, "find", join(own, "tree"), "-path", "*/upper/*");
    const paths = changed.stdout.split("\n").map((path) => path.replace(/^.*\/tree(.*)\/upper\//, "$1/"));
    // A folder of the system is there as soon as something in it has changed.
    const isSystems = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
    // OpenRC notes what it knows of all services, as soon as it is asked anything.
    const isOpenrcs = (path: string) => path.startsWith("/run/openrc/") && !path.includes("dstack");
    const made = paths.filter((path) => !isSystems(path));
    return [...stdout.split("\n"), ...made].filter((path) => path !== "" && !isOpenrcs(path)).sort();
  };
  const processes = async (name: Name) => (await run(name, "pgrep", "-f", "dstack-agent")).stdout;
  const called = (name: Name) =>
    readFileSync(join(dir, name, "called"), "utf8")
      .split("\n")
      .filter(Boolean);

  /** Joins, and has a job that leaves something. */
  const install = async (name: Name, fleet: string) => {
    writeFileSync(join(dir, name, "called"), "");
    chmodSync(join(dir, name, "called"), 0o666);
    const { token } = await createJoinToken(coordinator.client, fleet);
    const line = `curl -fsSL ${coordinator.url}/install.sh | sh -s -- --runtime process --token ${token}`;
    const { code, stderr } = await sh(name, line);
    expect([code, stderr]).toEqual([0, ""]);
    const instances = async () => (await coordinator.client.getFleet(fleet)).instances;
    await waitFor("it to be idle", async () => (await instances())[0]?.status === "idle", PATIENCE);
    const task = {
      type: "task",
      name: fleet,
      commands: ["echo kept >kept", "exec sleep 1000"],
      resources: SMALL,
      fleets: [fleet],
    };
    await coordinator.client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input: JSON.stringify(task) });
    await coordinator.client.waitForRun(fleet, ({ status }) => status === "running");
    // What installations leave that were cut off (joiningCuts.test.ts).
    await sh(
      name,
      'mkdir "$(dirname "$(command -v dstack-agent || echo ~/.local/bin/x)")/.dstack-agent.abcdef"',
    );
    await sh(name, "touch ~/.dstack-agent.gz");
    expect(await files(name)).toEqual(expect.arrayContaining(LISTED[name]));
    return (await instances())[0]?.name ?? "";
  };
  const uninstall = async (name: Name) => {
    const { code, stderr } = await sh(
      name,
      `curl -fsSL ${coordinator.url}/install.sh | sh -s -- --uninstall`,
    );
    expect([code, stderr]).toEqual([0, ""]);
    expect(await processes(name)).toBe("");
  };
  const STARTED = ["daemon-reload", "enable --quiet dstack-agent.service", "restart dstack-agent.service"];
  const ENDED = ["disable --quiet --now dstack-agent.service", "daemon-reload"];

  test("by hand, with a job that runs", async () => {
    await start("host", SYSTEMD);
    const before = await files("host");
    await install("host", "hand");
    await uninstall("host");
    expect(called("host")).toEqual([...STARTED, ...ENDED]);
    expect(await files("host")).toEqual(before);
  }, 90_000);

  test("over the link, by the agent itself", async () => {
    const before = await files("host");
    const name = await install("host", "link");
    await coordinator.client.dstackOk(["instance", "remove", name, "--uninstall", "--force", "-y"]);
    await waitFor("its processes to end", async () => (await processes("host")) === "", PATIENCE);
    await waitFor(
      "its files to be gone",
      async () => Bun.deepEquals(await files("host"), before),
      PATIENCE,
    ).catch(async (err: unknown) => {
      const left = (await files("host")).filter((path) => !before.includes(path));
      throw new Error(`There is still ${left.join(", ")}`, { cause: err });
    });
  }, 90_000);

  test("of a user, whose own systemd started it", async () => {
    const runtime = join(dir, "user/runtime");
    await start("user", `mkdir -p "${runtime}/systemd"; chmod a+wx "$own"; chmod -R a+rX "${runtime}"`);
    using _manager = Bun.serve({ unix: join(runtime, "systemd/private"), fetch: () => new Response() });
    const before = await files("user");
    await install("user", "user");
    await uninstall("user");
    expect(called("user")).toEqual([...STARTED, ...ENDED].map((line) => `--user ${line}`));
    expect(await files("user")).toEqual(before);
  }, 90_000);

  const described = "reason" in openrc ? ` [${openrc.reason}]` : "";
  test.skipIf("reason" in openrc)(
    `of a host with OpenRC, in another runlevel${described}`,
    async () => {
      if ("reason" in openrc) return;
      await start("openrc", withOpenrc(openrc.folder));
      const before = await files("openrc");
      await install("openrc", "openrc");
      expect((await run("openrc", "pgrep", "-fa", "supervise-daemon")).stdout).toContain(
        "dstack-agent --start",
      );
      await uninstall("openrc");
      expect(await files("openrc")).toEqual(before);
    },
    90_000,
  );
});
