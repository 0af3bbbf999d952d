/** Installations that are cut off at every step, by a lost connection or with the host's power: another try brings them in. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import { createJoinToken } from "../harness/agent.ts";
import { type Coordinator, startCoordinator } from "../harness/coordinator.ts";
import { CUT_BELOW, type Cut, cutAt } from "../harness/cutter.ts";
import { createNetwork, type Network } from "../harness/network.ts";
import { describeWith } from "../harness/requirements.ts";
import { type Machine, makeKey, startMachine } from "../harness/sshMachine.ts";

const PATIENCE = 150_000;
/** With which the hosts, which have this machine's programs, unpack what they download. */
const UNPACKER = Bun.which("zstd") ? "zstd" : "gzip";
/** With which they check it; openssl is asked for a sum that is known before. */
const SUM: Pick<Cut, "at" | "nth"> = Bun.which("openssl") ? { at: "openssl", nth: 2 } : { at: "sha256sum" };

/** All steps in their order; each host is cut off twice, so that a second try finds what the first one has left. */
const STEPS: Record<string, Cut[]> = {
  looking: [
    { at: "uname", what: "login" },
    { at: "curl", nth: 2, what: "login" },
  ],
  staging: [
    { at: "mktemp", what: "all" },
    { at: UNPACKER, what: "login" },
  ],
  downloading: [
    { at: "curl", nth: 3, what: "login" },
    { ...SUM, what: "all" },
  ],
  unpacking: [
    { at: UNPACKER, what: "all" },
    { at: "chmod", what: "login" },
  ],
  placing: [
    { at: "mv", what: "all" },
    { at: "mkdir", nth: 2, what: "login" },
  ],
  joining: [
    { at: "mkdir", nth: 2, what: "all" },
    { at: "setsid", what: "all" },
  ],
  starting: [{ at: "setsid", what: "login" }],
  sending: [
    { at: "sftp", what: "login" },
    { at: "gzip", what: "all" },
  ],
};

const BY_HAND: Cut[] = [
  { at: "mktemp" },
  SUM,
  ...[UNPACKER, "chmod", "mv", "setsid", "sleep"].map((at) => ({ at })),
].map((cut) => ({ ...cut, what: "all" }));

describeWith(["programs", "root", "curl", "sshd"], "an installation that is cut off", () => {
  const undo = new AsyncDisposableStack();
  let dir: string;
  let network: Network;
  let coordinator: Coordinator;
  const machines = new Map<string, Machine>();

  beforeAll(async () => {
    dir = undo.use(tempDir()).path;
    network = undo.use(await createNetwork());
    coordinator = undo.use(await startCoordinator({ dir: join(dir, "c"), ip: network.ip }));
  }, PATIENCE);
  afterAll(() => undo.disposeAsync(), PATIENCE);

  const start = async (name: string, { key, cuts }: { key: string; cuts: readonly Cut[] }) => {
    const { prepare, sftp } = cutAt(join(dir, name), cuts);
    const machine = await startMachine(network, name, {
      dir,
      key,
      ...(prepare ? { prepare } : {}),
      ...(name === "sending" ? { without: ["/usr/bin/curl", "/usr/bin/wget"] } : {}),
      sftp,
    });
    return undo.use(machine);
  };
  const cutsOf = (name: string) =>
    readFileSync(join(dir, name, "done"), "utf8")
      .split("\n")
      .filter(Boolean);
  /** One agent, one program, and nothing of what was on the way. */
  const leftOn = async ({ run }: Machine) => {
    const look = "pgrep -fc '^/usr/local/bin/dstack-agent run'; ls -A /usr/local/bin /root | grep dstack";
    return (await run(["sh", "-c", look])).stdout.split("\n").filter(Boolean);
  };

  const instances = async () => (await coordinator.client.getFleet("cut")).instances;

  test("in an SSH fleet: each host comes in with another try, once, and nothing is left of the others", async () => {
    const key = await makeKey(join(dir, "key"));
    for (const [name, cuts] of Object.entries(STEPS))
      machines.set(name, await start(name, { key: key.line, cuts }));
    const hosts = [...machines.values()].map(({ host }) => host.ip);
    const path = join(dir, "cut.dstack.yml");
    const ssh_config = { user: "root", identity_file: key.path, hosts };
    writeFileSync(path, JSON.stringify({ type: "fleet", name: "cut", ssh_config }));
    await coordinator.client.dstackOk(["apply", "-y", "-d", "--keep-ssh-keys", "-f", path]);
    await waitFor(
      "all to come in",
      async () => (await instances()).every(({ status }) => status === "idle"),
      PATIENCE,
    ).catch(async (err: unknown) => {
      const said = (await instances()).map(({ hostname, status, ssh }) => [
        hostname,
        status,
        ssh?.step,
        ssh?.error,
      ]);
      throw new Error(JSON.stringify(said, undefined, 1), { cause: err });
    });
    expect((await instances()).map(({ hostname }) => hostname)).toEqual(hosts);
    for (const [name, machine] of machines) {
      expect([name, cutsOf(name)]).toEqual([name, (STEPS[name] ?? []).map(({ at }) => `cut at ${at}`)]);
      await waitFor(
        `${name} to have one of each`,
        async () => Bun.deepEquals(await leftOn(machine), ["1", "dstack-agent"]),
        PATIENCE,
      ).catch(async (err: unknown) => {
        throw new Error(`${name} has ${JSON.stringify(await leftOn(machine))}`, { cause: err });
      });
    }
  }, 300_000);

  test("of a host that is installed anew, and then the coordinator is killed: it is the host that it was", async () => {
    const machine = machines.get("joining");
    if (!machine) throw new Error("The hosts have not come in");
    const find = async () => (await instances()).find(({ hostname }) => hostname === machine.host.ip);
    const [before, earlier] = [await find(), cutsOf("joining").length];
    expect(before).toMatchObject({ status: "idle", ssh: { keeps_key: true } });
    // Between the program and its identity, and when the agent that was there has been ended.
    writeFileSync(join(dir, "joining/cuts"), "mkdir 2 all\nsetsid 1 login\n");
    await coordinator.client.dstackOk(["instance", "reinstall", before?.name ?? "", "-y"]);
    await waitFor("the first cut", () => cutsOf("joining").length > earlier, PATIENCE);
    await coordinator.program.kill9();
    await coordinator.restart();
    await waitFor("the second cut", () => cutsOf("joining").length > earlier + 1, PATIENCE);
    await waitFor("it to come in", async () => (await find())?.status === "idle", PATIENCE);
    const { name, instance_num } = before ?? {};
    expect(await find()).toMatchObject({ name, instance_num, ssh: { keeps_key: true, step: "done" } });
    expect((await find())?.id).not.toBe(before?.id ?? "");
    expect(await instances()).toHaveLength(Object.keys(STEPS).length);
    const whole = async () => Bun.deepEquals(await leftOn(machine), ["1", "dstack-agent"]);
    await waitFor("it to have one of each", whole, PATIENCE);
  }, 180_000);

  test("by hand: the same line again goes on, as the host that it may have become already", async () => {
    const machine = await start("hand", { key: "", cuts: BY_HAND });
    const { token } = await createJoinToken(coordinator.client, "hand");
    const line = `curl -fsSL -o /root/script ${coordinator.url}/install.sh && sh /root/script --token ${token} || exit 1`;
    let tries = 0;
    for (;;) {
      const { code } = await machine.run(["sh", "-c", line, CUT_BELOW]);
      if (code === 0) break;
      tries += 1;
      expect(tries).toBeLessThanOrEqual(BY_HAND.length);
    }
    expect(cutsOf("hand")).toEqual(BY_HAND.map(({ at }) => `cut at ${at}`));
    const idle = async () => (await coordinator.client.getFleet("hand")).instances;
    await waitFor("it to be idle", async () => (await idle())[0]?.status === "idle", PATIENCE);
    expect(await idle()).toHaveLength(1);
    expect(await leftOn(machine)).toEqual(["1", "dstack-agent"]);
  }, 180_000);
});
