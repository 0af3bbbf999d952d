/** Fleets of hosts that are logged in to: Debian's sshd, each host with a network and system folders of its own. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Instance } from "../../shared/api/fleets.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { type Coordinator, startCoordinator } from "./harness/coordinator.ts";
import { createNetwork, type Network } from "./harness/network.ts";
import { describeWith } from "./harness/requirements.ts";
import { type Machine, type MachineOptions, makeKey, startMachine } from "./harness/sshMachine.ts";
import { SMALL } from "./harness/system.ts";

const PATIENCE = 90_000;

describeWith(["programs", "root", "curl", "sshd"], "SSH fleets", () => {
  const undo = new AsyncDisposableStack();
  let dir: string;
  let network: Network;
  let coordinator: Coordinator;
  let key: { path: string; line: string };

  beforeAll(async () => {
    dir = undo.use(tempDir()).path;
    network = undo.use(await createNetwork());
    coordinator = undo.use(await startCoordinator({ dir: join(dir, "c"), ip: network.ip }));
    key = await makeKey(join(dir, "key"));
  }, PATIENCE);
  afterAll(() => undo.disposeAsync(), PATIENCE);

  const machine = (name: string, more: Partial<MachineOptions> = {}): Promise<Machine> =>
    startMachine(network, name, { dir, key: key.line, ...more });
  const file = (name: string, hosts: readonly unknown[], more: Record<string, unknown> = {}): string => {
    const ssh_config = { user: "root", identity_file: key.path, hosts };
    const path = join(dir, `${name}.dstack.yml`);
    writeFileSync(path, JSON.stringify({ type: "fleet", name, ssh_config, ...more }));
    return path;
  };
  const apply = (
    path: string,
    { args = [], env = {} }: { args?: string[]; env?: Record<string, string> } = {},
  ) => coordinator.client.dstack(["apply", "-y", "-f", path, ...args], { env, timeoutMs: PATIENCE });
  const instances = async (fleet: string): Promise<Instance[]> =>
    (await coordinator.client.getFleet(fleet)).instances;
  const first = async (fleet: string): Promise<Instance["ssh"]> => (await instances(fleet))[0]?.ssh ?? null;
  const remove = (fleet: string) => coordinator.client.dstackOk(["fleet", "delete", fleet, "-y"]);
  const installed = async ({ run }: Machine): Promise<string[]> =>
    (
      await run(["sh", "-c", "ls /usr/local/bin/dstack-agent /home/*/.local/bin/dstack-agent 2>/dev/null"])
    ).stdout
      .split("\n")
      .filter(Boolean);

  /** Its agent knows that it is in no fleet any more. */
  const isTold = async ({ run }: Machine): Promise<boolean> =>
    (await run(["grep", "-q", "This host is not known here", "/var/lib/dstack-agent/agent.log"])).code === 0;

  test("root, sudo, sudo with a password, nobody's rights, a jump host, and no way to download: all come in at once", async () => {
    await using bastion = await machine("bastion", { users: [{ name: "jump" }] });
    await using root = await machine("root");
    await using free = await machine("free", { users: [{ name: "ann", sudo: "free" }] });
    await using asked = await machine("asked", {
      users: [{ name: "bob", sudo: "password", password: "it's $(secret)" }],
    });
    await using plain = await machine("plain", { users: [{ name: "eve" }], without: ["/usr/bin/sudo"] });
    await using behind = await machine("behind", {
      sshd: [`AllowUsers root@${bastion.host.ip}`],
      without: ["/usr/bin/curl", "/usr/bin/wget"],
    });
    const proxy_jump = { hostname: bastion.host.ip, user: "jump", identity_file: key.path };
    const hosts = [
      root.host.ip,
      { hostname: free.host.ip, user: "ann", blocks: 1 },
      { hostname: asked.host.ip, user: "bob" },
      { hostname: plain.host.ip, user: "eve" },
      { hostname: behind.host.ip, proxy_jump },
    ];
    const path = file("rack", hosts, {
      placement: "cluster",
      env: { TEAM: "rack" },
    });
    const applied = await apply(path, { env: { DSTACK_SUDO_PASSWORD: "it's $(secret)" } });
    expect(applied).toMatchObject({ code: 0 });
    expect(applied.stdout).toContain("Fleet rack does not exist yet.");
    const all = await instances("rack");
    expect(all.map(({ hostname, status, ssh }) => [hostname, status, ssh?.rights])).toEqual([
      [root.host.ip, "idle", "root"],
      [free.host.ip, "idle", "sudo"],
      [asked.host.ip, "idle", "sudo with a password"],
      [plain.host.ip, "idle", "user"],
      [behind.host.ip, "idle", "root"],
    ]);
    expect(applied.stdout).toContain(
      `Installed for the user alone, who may not use sudo there without a password: ${plain.host.ip}`,
    );
    expect(await installed(asked)).toEqual(["/usr/local/bin/dstack-agent"]);
    expect(await installed(plain)).toEqual(["/home/eve/.local/bin/dstack-agent"]);
    // Sent there by way of the bastion, and taken away again.
    const isSentThere = async () => (await behind.run(["sh", "-c", "ls -A /root | grep gz"])).stdout !== "";
    await waitFor("what was sent to be gone", async () => !(await isSentThere()));
    expect(await first("rack")).toMatchObject({ host_key: expect.stringMatching(/^SHA256:/), step: "done" });
    expect(bastion.log()).toContain("Accepted publickey for jump");

    const logins = () =>
      [root, free, asked, plain, behind].map(({ log }) => log().match(/Accepted publickey/g)?.length ?? 0);
    expect(logins()).toEqual([1, 1, 1, 1, 1]);
    const task = JSON.stringify({
      type: "task",
      name: "pair",
      nodes: 2,
      fleets: ["rack"],
      commands: ['echo "$TEAM $DSTACK_NODE_RANK of $DSTACK_NODES_NUM at $DSTACK_NODES_IPS"'],
      resources: SMALL,
    });
    const ran = await coordinator.client.dstack(["apply", "-y", "-f", "-"], { input: task });
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain("rack 0 of 2");
    expect(logins()).toEqual([1, 1, 1, 1, 1]);

    // In place: one goes, and does nothing from then on.
    expect(
      (await apply(file("rack", hosts.slice(1), { placement: "cluster", env: { TEAM: "rack" } }))).code,
    ).toBe(0);
    expect((await instances("rack")).map(({ hostname }) => hostname)).not.toContain(root.host.ip);
    await waitFor("the agent of the removed host to be told", () => isTold(root), 20_000);
    await remove("rack");
  }, 180_000);

  test("a host that does not let the key in does as soon as it may", async () => {
    const other = await makeKey(join(dir, "other"));
    await using host = await machine("closed", { key: other.line });
    await apply(file("closed", [host.host.ip]), { args: ["-d"] });
    const said = `connecting: ${host.host.ip}:22 does not let root in with this key. Put the public half into ~/.ssh/authorized_keys of root there`;
    await waitFor("the refusal", async () => (await first("closed"))?.error === said, PATIENCE);
    await host.run(["sh", "-c", 'echo "$0" >>/root/.ssh/authorized_keys', key.line.trim()]);
    await waitFor("it to come in", async () => (await instances("closed"))[0]?.status === "idle", PATIENCE);
    await remove("closed");
  }, 180_000);

  test("another host key, or another password than sudo's, ends it at once, and says so", async () => {
    await using host = await machine("swapped", {
      users: [{ name: "bob", sudo: "password", password: "right" }],
      // It cannot come in before its key is another one.
      without: ["/usr/bin/gzip"],
    });
    const swapped = file("swapped", [{ hostname: host.host.ip, user: "bob" }]);
    await apply(swapped, { args: ["-d"] });
    const noGzip = "Cannot unpack: gzip is not installed. Install gzip and run this again";
    await waitFor("what it lacks", async () => (await first("swapped"))?.error?.includes(noGzip), PATIENCE);
    await host.changeHostKey();
    await waitFor("the end", async () => (await instances("swapped"))[0]?.status === "terminated", PATIENCE);
    const { stdout } = await coordinator.client.dstack(["fleet", "-v"]);
    expect(stdout.replaceAll(/\s+/g, " ")).toContain("shows another host key than before");
    await host.run(["mv", "/usr/bin/gzip.away", "/usr/bin/gzip"]);
    // Another try is another beginning.
    const wrong = await apply(swapped, { env: { DSTACK_SUDO_PASSWORD: "wrong" } });
    expect(wrong.code).toBe(1);
    expect(wrong.stdout).toContain("Some instances failed. Check the table above for errors.");
    expect((await instances("swapped"))[0]).toMatchObject({
      termination_reason: "error",
      termination_reason_message: expect.stringContaining("does not let bob in with this password"),
    });
    const right = await apply(swapped, { env: { DSTACK_SUDO_PASSWORD: "right" } });
    expect(right).toMatchObject({ code: 0 });
    expect(right.stdout).toContain(`Hosts that are not in: ${host.host.ip}`);
    await remove("swapped");
  }, 180_000);

  test("a host that cannot reach a coordinator on a laptop is carried, through cuts and restarts, until it is taken out", async () => {
    await using host = await machine("carried", { users: [{ name: "ann", sudo: "free" }] });
    // Nobody but its own machine reaches it.
    await using laptop = await startCoordinator({ dir: join(dir, "laptop") });
    const { client } = laptop;
    const path = file("far", [{ hostname: host.host.ip, user: "ann" }]);
    const applied = await client.dstack(["apply", "-y", "-f", path], { timeoutMs: PATIENCE });
    expect(applied).toMatchObject({ code: 0 });
    expect(applied.stdout).toContain(
      `it keeps their key, encrypted, and holds an SSH login for each: ${host.host.ip}`,
    );
    const state = async () => (await client.getFleet("far")).instances[0];
    expect(await state()).toMatchObject({ status: "idle", ssh: { carried: true, rights: "sudo" } });
    const run = async (name: string) => {
      const task = {
        type: "task",
        name,
        fleets: ["far"],
        commands: [`echo ${name} is here`],
        resources: SMALL,
      };
      await client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input: JSON.stringify(task) });
      await client.waitForEnd(name, PATIENCE);
      expect(new TextDecoder().decode(await client.readLog(name, { follow: true }))).toContain(
        `${name} is here`,
      );
    };
    await run("first");
    await laptop.program.kill9();
    await laptop.restart();
    await run("after-a-restart");
    await client.dstackOk(["fleet", "delete", "far", "-y"]);
    await waitFor("its agent to be told", () => isTold(host), 20_000);
    const hasLogin = async () => (await host.run(["pgrep", "-f", "sshd: ann"])).code === 0;
    await waitFor("its login to end", async () => !(await hasLogin()), 20_000);
  }, 180_000);

  test("a coordinator that is killed, and a cable that is pulled, at any step cost a try and nothing else", async () => {
    await using host = await machine("tried");
    const path = file("tried", [host.host.ip]);
    for (const step of ["connecting", "looking", "installing"]) {
      await apply(path, { args: ["-d"] });
      const reached = async () => (await first("tried"))?.step;
      await waitFor(
        step,
        async () => [step, "installing", "starting", "done"].includes((await reached()) ?? ""),
        PATIENCE,
      );
      await coordinator.program.kill9();
      if (step === "looking") await host.host.cut();
      await coordinator.restart();
      await host.host.mend();
      await waitFor("it to come in", async () => (await instances("tried"))[0]?.status === "idle", PATIENCE);
      expect(await instances("tried")).toHaveLength(1);
      await remove("tried");
    }
  }, 240_000);
});
