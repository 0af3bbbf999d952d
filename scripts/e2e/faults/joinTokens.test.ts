/**
 * Tokens that are over before their rack is in: each says which command makes another one, lets nobody else in, and takes
 * nothing from the hosts that are in. Each host has Debian's sshd and system folders of its own.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NewJoinToken } from "../../../shared/api/joinTokens.ts";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import { type Coordinator, startCoordinator } from "../harness/coordinator.ts";
import { timeOf } from "../harness/faketime.ts";
import { createNetwork } from "../harness/network.ts";
import { describeWith } from "../harness/requirements.ts";
import { type Machine, makeKey, startMachine } from "../harness/sshMachine.ts";
import { SMALL } from "../harness/system.ts";

const PATIENCE = 120_000;
const RACK = ["one", "two", "three", "four"];

/** An installer that waits for $own/go where it has unpacked the program: before it joins. */
const WAITING = `
cat >/usr/local/sbin/chmod <<END
#!/bin/sh
if [ ! -e $own/go ]; then
  : >$own/waits
  while [ ! -e $own/go ]; do sleep 0.2; done
fi
exec /usr/bin/chmod "\\$@"
END
/usr/bin/chmod +x /usr/local/sbin/chmod
`;

describeWith(["programs", "root", "curl", "sshd", "faketime"], "a join token that is over", () => {
  const undo = new AsyncDisposableStack();
  const machines = new Map<string, Machine>();
  let dir: string;
  let coordinator: Coordinator;
  let key: { path: string; line: string };
  /** What the coordinator's clock is ahead by, as faketime reads it. */
  let ahead: string;

  beforeAll(async () => {
    dir = undo.use(tempDir()).path;
    const network = undo.use(await createNetwork());
    ahead = join(dir, "ahead");
    writeFileSync(ahead, "+0");
    coordinator = undo.use(
      await startCoordinator({ dir: join(dir, "c"), ip: network.ip, env: timeOf(ahead) }),
    );
    key = await makeKey(join(dir, "key"));
    for (const name of RACK)
      machines.set(name, undo.use(await startMachine(network, name, { dir, key: key.line })));
    const waiting = await startMachine(network, "waiting", { dir, key: key.line, prepare: WAITING });
    machines.set("waiting", undo.use(waiting));
  }, PATIENCE);
  afterAll(() => undo.disposeAsync(), PATIENCE);

  const at = (name: string): Machine => {
    const found = machines.get(name);
    if (!found) throw new Error(`There is no machine ${name}`);
    return found;
  };
  const create = async (...wish: string[]): Promise<NewJoinToken> =>
    NewJoinToken.parse(
      JSON.parse(await coordinator.client.dstackOk(["fleet", "token", "create", "rack", ...wish, "--json"])),
    );
  /** Its line, as it was printed. */
  const say = async (name: string, { join_command: line }: NewJoinToken) => {
    const { code, stderr } = await at(name).run(["sh", "-c", `${line} --runtime process --name ${name}`]);
    return { code, stderr };
  };
  const isOver = (why: string) => ({
    code: 1,
    stderr: `dstack-agent: The join token ${why}. Make a new one with \`dstack fleet token create FLEET\`\n`,
  });
  const WELL = { code: 0, stderr: "" };

  const instances = async (fleet = "rack") => (await coordinator.client.getFleet(fleet)).instances;
  /** These hosts, and no others, are in and can take jobs; answers their ids. */
  const areIn = async (...names: string[]): Promise<string[]> => {
    await waitFor(
      `${names.join(", ")} to be idle`,
      async () => (await instances()).every(({ status, unreachable }) => status === "idle" && !unreachable),
      PATIENCE,
    );
    const there = await instances();
    expect(there.map(({ hostname }) => hostname)).toEqual(names);
    return there.map(({ id }) => id);
  };
  const usable = async () => {
    const { stdout } = await coordinator.client.dstack(["fleet", "token", "list"]);
    return stdout;
  };

  test("expires in the middle of a rack: the next host is told, with another token it comes in", async () => {
    const first = await create("--ttl", "8m");
    expect(await say("one", first)).toEqual(WELL);
    const before = await areIn("one");
    expect(await usable()).toContain(first.id);
    // Hosts may be ten minutes off.
    writeFileSync(ahead, "+9m");
    expect(await say("two", first)).toEqual(isOver("has expired"));
    expect(await usable()).not.toContain(first.id);
    expect(await areIn("one")).toEqual(before);
    // Somebody plays the line on the whole rack.
    expect(await say("one", first)).toEqual(WELL);
    expect(await say("two", await create())).toEqual(WELL);
    expect((await areIn("one", "two"))[0]).toBe(before[0] ?? "");
  }, 240_000);

  test("is revoked, or used up, beside another one of the same fleet: those that are in stay", async () => {
    const [revoked, once] = [await create(), await create("--uses", "1")];
    await coordinator.client.dstackOk(["fleet", "token", "revoke", revoked.id]);
    expect(await say("three", revoked)).toEqual(isOver("was revoked"));
    expect(await say("three", once)).toEqual(WELL);
    expect(await say("four", once)).toEqual(isOver("is used up"));
    const before = await areIn("one", "two", "three");
    // As where the line was cut off after the host had joined: it has used the token up itself.
    expect(await say("three", once)).toEqual(WELL);
    expect(await say("four", await create("--uses", "1"))).toEqual(WELL);
    expect((await areIn(...RACK)).slice(0, 3)).toEqual(before);
    const task = {
      type: "task",
      name: "everywhere",
      nodes: RACK.length,
      commands: ["echo $DSTACK_NODE_RANK works"],
      resources: SMALL,
      fleets: ["rack"],
    };
    const ran = await coordinator.client.dstack(["apply", "-y", "-f", "-"], { input: JSON.stringify(task) });
    expect([ran.code, ran.stdout]).toEqual([0, expect.stringContaining("0 works")]);
  }, 240_000);

  test("of a host that is taken out of its SSH fleet while it is installed: it does not come in after all", async () => {
    const { host, run } = at("waiting");
    const path = join(dir, "ssh.dstack.yml");
    const ssh_config = { user: "root", identity_file: key.path, hosts: [host.ip] };
    writeFileSync(path, JSON.stringify({ type: "fleet", name: "ssh", ssh_config }));
    const apply = () => coordinator.client.dstackOk(["apply", "-y", "-d", "-f", path]);
    await apply();
    await waitFor("the installer to wait", () => existsSync(join(dir, "waiting/waits")), PATIENCE);
    const installers = async () => (await run(["pgrep", "-f", "dstack-agent"])).stdout.split("\n").length - 1;
    expect(await installers()).toBeGreaterThan(0);
    await coordinator.client.dstackOk(["fleet", "delete", "ssh", "-i", "0", "-y"]);
    writeFileSync(join(dir, "waiting/go"), "");
    await waitFor("the installer to end", async () => (await installers()) === 0, PATIENCE);
    expect(await instances("ssh")).toEqual([]);
    const identity = await run(["cat", "/var/lib/dstack-agent/identity.json"]);
    expect(identity).toMatchObject({ code: 1, stdout: "" });
    await apply();
    await waitFor(
      "it to come in",
      async () => (await instances("ssh")).some(({ status }) => status === "idle"),
      PATIENCE,
    );
  }, 240_000);
});
