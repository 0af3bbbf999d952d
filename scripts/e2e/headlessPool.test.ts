/**
 * Hosts behind one bastion: those that reach the coordinator join by a token and are never called, which a capture of all
 * new connections shows; those that reach nobody are carried. DSTACK_E2E_LONG: twenty of each.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Run } from "../../shared/api/runs.ts";
import { Slots } from "../../shared/async/slots.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { openBehind } from "./harness/bastion.ts";
import { type Coordinator, startCoordinator } from "./harness/coordinator.ts";
import { freePort } from "./harness/freePort.ts";
import { createNetwork, type Network } from "./harness/network.ts";
import { watchNewConnections } from "./harness/newConnections.ts";
import { run } from "./harness/program.ts";
import { describeWith } from "./harness/requirements.ts";
import { type Machine, makeKey, startMachine } from "./harness/sshMachine.ts";
import type { Switch } from "./harness/switch.ts";
import { SMALL } from "./harness/system.ts";

const isLong = Boolean(process.env["DSTACK_E2E_LONG"]);
const COUNT = isLong ? 20 : 2;
/** Carried hosts have the program through two SSH connections, which two processors take their time for. */
const PATIENCE = isLong ? 500_000 : 180_000;
/** Of a test. */
const LONGEST = PATIENCE + 60_000;
/** Command lines at a time. */
const AT_ONCE = 4;

/** Clients may dial hosts where they can (docs/adr/0020-direct-way.md); here they are not to. */
const RELAY = { DSTACK_TUNNEL_WAY: "relay" };

describeWith(["programs", "root", "curl", "sshd", "tcpdump"], "a pool behind a bastion", () => {
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

  const startMachines = async (lan: Switch, names: string): Promise<Machine[]> => {
    const machines: Machine[] = [];
    for (let at = 0; at < COUNT; at++)
      machines.push(undo.use(await startMachine(lan, `${names}${at}`, { dir, key: key.line })));
    return machines;
  };

  const installs = new Slots(AT_ONCE);
  const install = (machine: Machine, line: string) =>
    installs.run(AbortSignal.timeout(PATIENCE), async () => {
      const { code, stdout, stderr } = await machine.run(["sh", "-c", line]);
      if (code !== 0) throw new Error(`${line} ended with ${code}:\n${stdout}${stderr}`);
      return stdout;
    });

  const waitForIdle = ({ client }: Coordinator, fleet: string, count: number) =>
    waitFor(
      `${count} hosts in ${fleet} to be idle`,
      async () => {
        const { instances } = await client.getFleet(fleet);
        return instances.length === count && instances.every(({ status }) => status === "idle");
      },
      PATIENCE,
    );

  const everyNode = (of: number): number[] => Array.from({ length: of }, (_, node) => node);
  const jobOf = (node: number): string[] => ["--job", `${node}`];
  const saidBy = (node: number, of: number): string => `node ${node} of ${of}`;

  /** A task with a node on every host of the fleet: each serves who it is, and then prints it. */
  const startNodes = async ({ client }: Coordinator, fleet: string, nodes: number): Promise<string> => {
    const name = `all-of-${fleet}`;
    const task = {
      type: "task",
      name,
      nodes,
      fleets: [fleet],
      commands: [
        'mkdir -p site && cd site && echo "node $DSTACK_NODE_RANK of $DSTACK_NODES_NUM" >index.html',
        // It goes to the background once it listens.
        "busybox httpd -p 127.0.0.1:8000 && cat index.html && exec sleep infinity",
      ],
      ports: ["8000"],
      resources: SMALL,
    };
    await client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input: JSON.stringify(task) });
    // The run is said to run with its first node.
    const isUp = ({ jobs }: Run) =>
      jobs.length === nodes && jobs.every((job) => job.job_submissions.at(-1)?.status === "running");
    await client.waitForRun(name, isUp, PATIENCE);
    for (const node of everyNode(nodes))
      await waitFor(
        `what node ${node} prints`,
        async () => (await client.dstackOk(["logs", name, ...jobOf(node)])).includes(saidBy(node, nodes)),
        PATIENCE,
      );
    return name;
  };

  /** Output, a port and a shell of some nodes. */
  const use = async (
    { client }: Coordinator,
    name: string,
    { nodes, of }: { nodes: number[]; of: number },
  ) => {
    const lines = new Slots(AT_ONCE);
    const useOne = async (node: number) => {
      const [said, job] = [saidBy(node, of), jobOf(node)];
      expect(await client.dstackOk(["logs", name, ...job])).toContain(said);
      expect(await client.dstackOk(["ssh", name, ...job, "--", "cat site/index.html"], { env: RELAY })).toBe(
        `${said}\n`,
      );
      const port = await freePort();
      const attached = client.startDstack(["attach", name, ...job, "-p", `${port}:8000`], {
        logFile: join(dir, `${name}-${node}-${crypto.randomUUID()}.log`),
        env: RELAY,
      });
      try {
        await attached.waitForOutput(/Connected via relay[\s\S]*Press Ctrl\+C/);
        expect(await (await fetch(`http://127.0.0.1:${port}/index.html`)).text()).toBe(`${said}\n`);
      } finally {
        await attached.kill9();
      }
    };
    await Promise.all(nodes.map((node) => lines.run(AbortSignal.timeout(PATIENCE), () => useOne(node))));
  };

  const stop = async ({ client }: Coordinator, name: string) => {
    await client.dstackOk(["stop", "-y", name]);
    await client.waitForEnd(name, PATIENCE);
  };

  /** A login is made again, and what speaks through it then tries again by itself; who asks meanwhile is told to wait. */
  const waitForWays = async ({ client }: Coordinator, name: string, nodes: number[]) => {
    for (const node of nodes)
      await waitFor(
        `a way to node ${node}`,
        async () =>
          (await client.dstack(["ssh", name, ...jobOf(node), "--", "true"], { env: RELAY })).code === 0,
        PATIENCE,
      );
  };

  test(
    "joined by one token: it works, and nobody ever opens a connection towards a host",
    async () => {
      const { client } = coordinator;
      const bastion = await network.addHost("bastion");
      const lan = undo.use(await openBehind(bastion, { prefix: "198.51.100", isOpenOutward: true }));
      const machines = await startMachines(lan, "pool");
      // Nor to those that could be called: one that has joined, and one that was logged in to, for that alone.
      const near = undo.use(await startMachine(network, "near", { dir, key: key.line }));
      const loggedIn = undo.use(await startMachine(network, "logged-in", { dir, key: key.line }));
      const ssh = { user: "root", identity_file: key.path, hosts: [loggedIn.host.ip] };
      const path = join(dir, "one.dstack.yml");
      writeFileSync(path, JSON.stringify({ type: "fleet", name: "one", ssh_config: ssh }));
      await client.dstackOk(["apply", "-y", "-f", path], { timeoutMs: PATIENCE });

      const line = await client.dstackOk(["fleet", "join-command", "pool"]);
      await Promise.all([...machines, near].map((machine) => install(machine, line)));
      const all = machines.length + 1;
      await waitForIdle(coordinator, "pool", all);

      const dial = (place: { netns: string | undefined }, ip: string) =>
        run(["timeout", "2", "bash", "-c", `exec 3<>/dev/tcp/${ip}/22`], { place });
      const [first] = machines;
      if (!first) throw new Error("There is no machine");
      const towards = [near.host.ip, loggedIn.host.ip, bastion.ip, "198.51.100.0/24"];
      const watch = (name: string, place: { netns: string | undefined }) =>
        watchNewConnections({ place, logFile: join(dir, `${name}.pcap.log`), towards });
      await using here = await watch("here", { netns: undefined });
      await using there = await watch("there", bastion);

      const name = await startNodes(coordinator, "pool", all);
      await use(coordinator, name, { nodes: everyNode(all), of: all });
      await coordinator.program.kill9();
      await coordinator.restart();
      // An upgrade, or a repair: the agent ends, and starts again.
      const again = `curl -fsSL ${coordinator.url}/install.sh | sh`;
      for (const machine of [first, near]) expect(await install(machine, again)).toContain("is up to date");
      await use(coordinator, name, { nodes: [0, all - 1], of: all });
      await stop(coordinator, name);
      const alone = await startNodes(coordinator, "one", 1);
      await use(coordinator, alone, { nodes: [0], of: 1 });
      await stop(coordinator, alone);

      expect(here.seen()).toEqual([]);
      expect(there.seen()).toEqual([]);
      // What would have been seen: also what is tried in vain, for there is no way from here to hosts behind the bastion.
      for (const ip of [near.host.ip, first.host.ip]) {
        await dial({ netns: undefined }, ip);
        await here.waitForOne(`${ip}:22`);
      }
      expect(there.seen()).toEqual([]);
      await dial(bastion, first.host.ip);
      await there.waitForOne(`${first.host.ip}:22`);
    },
    LONGEST,
  );

  test(
    "that reaches nobody is carried: the same works, also after a restart and a cut",
    async () => {
      const { client } = coordinator;
      const jump = undo.use(
        await startMachine(network, "jump", { dir, key: key.line, users: [{ name: "jump" }] }),
      );
      const lan = undo.use(await openBehind(jump.host, { prefix: "203.0.113", isOpenOutward: false }));
      const machines = await startMachines(lan, "shut");
      const [first] = machines;
      expect((await first?.run(["curl", "-sm", "2", `${coordinator.url}/healthcheck`]))?.code).not.toBe(0);
      const ssh_config = {
        user: "root",
        identity_file: key.path,
        proxy_jump: { hostname: jump.host.ip, user: "jump", identity_file: key.path },
        hosts: machines.map(({ host }) => host.ip),
      };
      const path = join(dir, "shut.dstack.yml");
      writeFileSync(path, JSON.stringify({ type: "fleet", name: "shut", ssh_config }));
      const applied = await client.dstackOk(["apply", "-y", "-f", path], { timeoutMs: PATIENCE });
      expect(applied).toContain("it keeps their key, encrypted, and holds an SSH login for each");
      const { instances } = await client.getFleet("shut");
      expect(instances.map(({ status, ssh }) => [status, ssh?.carried])).toEqual(
        machines.map(() => ["idle", true]),
      );

      const nodes = everyNode(machines.length);
      const of = nodes.length;
      const name = await startNodes(coordinator, "shut", of);
      await use(coordinator, name, { nodes, of });
      await coordinator.program.kill9();
      await coordinator.restart();
      await waitForWays(coordinator, name, nodes);
      await use(coordinator, name, { nodes: [0], of });
      // Every login ends, as with a bastion that starts again.
      const logins = async () =>
        (await jump.run(["pgrep", "-f", "sshd: jump"])).stdout.split("\n").filter(Boolean);
      const before = await logins();
      expect(before).not.toBeEmpty();
      await jump.run(["kill", ...before]);
      await waitFor("logins to end", async () => (await logins()).every((pid) => !before.includes(pid)));
      await waitForWays(coordinator, name, nodes);
      await use(coordinator, name, { nodes: [of - 1], of });
      await stop(coordinator, name);
    },
    LONGEST,
  );
});
