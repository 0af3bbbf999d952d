import { expect, test } from "bun:test";
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { controlSocket } from "../control/server.ts";
import { startHost } from "../testing/startHost.ts";
import { checkCoordinator } from "./coordinator.ts";
import { checkSpeed } from "./disk.ts";
import { checkKernel, checkStateDir, checkUser } from "./kernel.ts";
import { checkMounts } from "./mounts.ts";
import { checkService } from "./service.ts";

const levels = (findings: readonly { check: string; level: string }[]) =>
  Object.fromEntries(findings.map(({ check, level }) => [check, level]));

test("a host is looked at with an agent and without one, and whatever is bad ends with 1", async () => {
  await using host = await startHost();
  const look = async () => {
    const { code, out } = await host.finish(["doctor", "--json", "--runtime", "process"]);
    const { is_well, findings } = JSON.parse(out);
    return { code, is_well, levels: levels(findings), findings };
  };
  const without = await look();
  expect(without).toMatchObject({
    code: 1,
    is_well: false,
    levels: { agent: "bad", fleet: "good", state: "good" },
  });
  const said = await host.finish(["doctor", "--runtime", "process"]);
  expect(said.out).toMatch(/^BAD {3}agent +no agent runs\n +→ Start it: /m);
  host.run();
  const well = await waitFor(
    "the agent to be well",
    async () => {
      const now = await look();
      return now.levels["agent"] === "good" && now;
    },
    30_000,
  );
  expect(well.levels).toMatchObject({
    "disk speed": expect.any(String),
    limits: expect.any(String),
    kernel: "good",
  });
}, 60_000);

test("an agent that answers with nonsense is told of, and is not taken for none", async () => {
  await using host = await startHost();
  const socket = Bun.serve({ unix: controlSocket(host.stateDir), fetch: () => new Response("{}") });
  try {
    const { out } = await host.finish(["doctor", "--json", "--runtime", "process"]);
    const { findings } = JSON.parse(out);
    expect(findings.find(({ check }: { check: string }) => check === "agent")).toMatchObject({
      level: "bad",
      text: expect.stringContaining("expected"),
      mend: "See the agent's own log (journalctl -u dstack-agent)",
    });
  } finally {
    await socket.stop(true);
  }
}, 30_000);

test("the coordinator is reached as fetch reaches it, and a clock that is off is named", async () => {
  using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
  const url = `http://127.0.0.1:${server.port}`;
  const plain = { env: {}, now: Date.now, tls: undefined };
  const at = async (now: number, env = {}) => checkCoordinator(url, { env, now: () => now, tls: undefined });
  const there = Date.parse(THERE);
  expect(levels(await at(there))).toEqual({ coordinator: "good", clock: "good" });
  expect(levels(await at(there + 60_000))).toEqual({ coordinator: "good", clock: "hint" });
  const [, clock] = await at(there - 3_600_000);
  expect(clock).toMatchObject({ level: "bad", text: "3600 s behind the coordinator's" });
  expect((await checkCoordinator(`${url}/other`, plain))[0]).toMatchObject({ level: "bad" });
  const [gone] = await checkCoordinator("http://127.0.0.1:9", plain);
  expect(gone).toMatchObject({ level: "bad", text: expect.stringContaining("cannot be reached directly") });
});

const THERE = "Tue, 01 Sep 2026 10:00:00 GMT";
const answer = (request: Request): Response =>
  new URL(request.url).pathname === "/healthcheck"
    ? Response.json({ status: "running" }, { headers: { date: THERE } })
    : new Response("not here", { status: 404 });

test("kernel, cgroups and limits are read as this host has them", async () => {
  using dir = tempDir();
  const write = (path: string, text: string) => Bun.write(join(dir.path, path), text);
  await write("proc/sys/kernel/osrelease", "4.18.0-553.el8\n");
  await write(
    "proc/7/limits",
    "Limit Soft Limit Hard Limit Units\nMax open files            1024                 4096                 files\n",
  );
  mkdirSync(join(dir.path, "sys/fs/cgroup/memory"), { recursive: true });
  const old = checkKernel({ root: dir.path, pid: 7 });
  expect(levels(old)).toEqual({ kernel: "hint", cgroups: "hint", limits: "hint" });
  expect(old[1]?.text).toContain("version 1");
  await write("proc/sys/kernel/osrelease", "6.8.0-generic\n");
  await write("sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
  await write("proc/7/limits", "Max open files            1048576              1048576              files\n");
  expect(levels(checkKernel({ root: dir.path, pid: 7 }))).toEqual({
    kernel: "good",
    cgroups: "good",
    limits: "good",
  });
});

const MOUNTS = `
/dev/sda1 / ext4 rw,relatime 0 0
/dev/sdb /data xfs rw,noexec 0 0
/dev/sdb /data xfs rw,relatime 0 0
tmpfs /tmp tmpfs rw,nosuid,noexec 0 0
/dev/sdc /data/old ext4 ro,noexec 0 0
/dev/sdd /usr squashfs ro 0 0
`;

test.each([
  ["/var/lib/dstack-agent", "/opt/bin/dstack-agent", ["hint"]],
  ["/data/agent", "/usr/local/bin/dstack-agent", ["hint", "hint"]],
  ["/data/old/agent", undefined, ["bad", "bad", "hint"]],
  ["/data/older", undefined, ["hint"]],
])("file systems that forbid something are named: %s, %s", (stateDir, program, expected) => {
  const found = checkMounts({ stateDir, program, mounts: MOUNTS });
  expect(found.map(({ level }) => level)).toEqual(expected as (typeof found)[number]["level"][]);
  expect(checkMounts({ stateDir, program, mounts: "/dev/sda1 / ext4 rw 0 0\n" })).toMatchObject([
    { level: "good" },
  ]);
});

test("what starts the agent with its host is looked for where install.sh puts it", async () => {
  using dir = tempDir();
  const { path: root } = dir;
  const env = { HOME: "/home/ann", USER: "ann" };
  const of = (uid: number) => checkService({ uid, env, root });
  expect([of(0).text, of(1000).text]).toEqual([
    "no service manager that is known: nothing starts the agent with the host",
    "nothing starts the agent of this user with the host",
  ]);
  mkdirSync(join(root, "run/systemd/system"), { recursive: true });
  expect(of(0)).toMatchObject({ level: "hint", mend: "Run install.sh again, with root" });
  const etc = "etc/systemd/system";
  await Bun.write(join(root, etc, "dstack-agent.service"), "");
  expect(of(0)).toMatchObject({ level: "hint", mend: "systemctl enable --now dstack-agent" });
  await Bun.write(join(root, etc, "multi-user.target.wants/dstack-agent.service"), "");
  expect(of(0).level).toBe("good");
  await Bun.write(join(root, "home/ann/.config/systemd/user/default.target.wants/dstack-agent.service"), "");
  expect(of(1000)).toMatchObject({ level: "hint", mend: "loginctl enable-linger" });
  await Bun.write(join(root, "var/lib/systemd/linger/ann"), "");
  expect(of(1000).level).toBe("good");
});

test("the state directory is for its owner alone, and can be written", () => {
  using dir = tempDir();
  chmodSync(dir.path, 0o755);
  expect(checkStateDir(0o755, dir.path)).toMatchObject({ level: "bad", mend: `chmod 700 ${dir.path}` });
  expect(checkStateDir(0o700, dir.path).level).toBe("good");
  expect(checkStateDir(undefined, "/none").level).toBe("bad");
  expect(checkSpeed(dir.path).text).toMatch(/^\d+ MB\/s/);
  expect(checkSpeed("/proc")).toMatchObject({ level: "bad" });
  expect([checkUser(0).level, checkUser(1000).level]).toEqual(["good", "hint"]);
});
