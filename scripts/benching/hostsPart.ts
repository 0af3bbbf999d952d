import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { delay } from "../../shared/async/delay.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { createJoinToken, startAgent } from "../e2e/harness/agent.ts";
import { type Coordinator, startCoordinator } from "../e2e/harness/coordinator.ts";
import { createNetwork, type Network } from "../e2e/harness/network.ts";
import { reasonsAgainst } from "../e2e/harness/requirements.ts";
import { makeKey, startMachine } from "../e2e/harness/sshMachine.ts";
import { SMALL } from "../e2e/harness/system.ts";
import type { Part } from "./bench.ts";
import { cpuSeconds, measureIdleCpu, readMemory } from "./probe.ts";

/** Each has a program of 120 MB in memory and an agent of its own, on this machine's processors: some 16 GB in all. */
const HOSTS = 100;
const QUICK_HOSTS = 3;

const APPLY_MS = 600_000;
/** Until what the logins have left is collected, and given back to the system. */
const REST_MS = 120_000;
const IDLE_SECONDS = 30;
const SAMPLE_MS = 500;
const ONE_HOST_TRIES = 5;

/** How hosts come in: many by one SSH fleet, one by the line that joins it, and one that was started again. */
export const measureHosts = async (part: Part): Promise<void> => {
  const { dir, quick, report } = part;
  const lacking = reasonsAgainst(["programs", "root", "curl", "sshd"]);
  if (lacking.length > 0) return report.note(`hosts of an SSH fleet: left out, ${lacking.join("; ")}`);
  mkdirSync(dir, { recursive: true });
  await using network = await createNetwork();
  await using coordinator = await startCoordinator({ dir: join(dir, "c"), ip: network.ip });
  await measureFleet({ ...part, network, coordinator, count: quick ? QUICK_HOSTS : HOSTS });
  await measureJoining({ ...part, network, coordinator });
  await measureReboot({ ...part, network, coordinator });
};

interface Place extends Part {
  network: Network;
  coordinator: Coordinator;
}

/** From `apply` of one SSH fleet until all of its hosts are idle, and what the coordinator takes for that and afterwards. */
const measureFleet = async ({ dir, network, coordinator, count, report, say }: Place): Promise<void> => {
  await using undo = new AsyncDisposableStack();
  const key = await makeKey(join(dir, "key"));
  const hosts: string[] = [];
  for (let at = 0; at < count; at++) {
    const machine = await startMachine(network, `h${at}`, { dir, key: key.line });
    hosts.push(undo.use(machine).host.ip);
  }
  const { pid } = coordinator.program;
  const [before, cpuBefore] = [readMemory(pid), cpuSeconds(pid)];
  const path = join(dir, "fleet.dstack.yml");
  const ssh_config = { user: "root", identity_file: key.path, hosts };
  writeFileSync(path, JSON.stringify({ type: "fleet", name: "many", ssh_config }));
  let most = before;
  const sampling = setInterval(() => {
    const now = readMemory(pid);
    if (now.rssMib > most.rssMib) most = now;
  }, SAMPLE_MS);
  undo.defer(() => clearInterval(sampling));
  say(`applying ${count} hosts`);
  const startedAt = performance.now();
  await coordinator.client.dstackOk(["apply", "-y", "-f", path], { timeoutMs: APPLY_MS });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const perHost = ((cpuSeconds(pid) - cpuBefore) / count).toFixed(2);
  await delay(REST_MS);
  const [cpu = 0] = await measureIdleCpu([pid], IDLE_SECONDS);
  report.figure(`${count} hosts by SSH, all on this machine, until the last is idle`, `${seconds} s`);
  report.figure("its coordinator, of a processor for each host", `${perHost} s`);
  const memories = [before, most, readMemory(pid)].map(
    ({ rssMib, anonymousMib }) => `${rssMib.toFixed(0)} (${anonymousMib.toFixed(0)})`,
  );
  report.figure(
    "its coordinator before, at most, and afterwards",
    `${memories.join(", ")} MiB RSS (its own); idle ${cpu.toFixed(2)} % of a core`,
  );
};

/** From the line that joins a host, with its download, until it is idle. */
const measureJoining = async ({ dir, network, coordinator, report, say }: Place): Promise<void> => {
  const { client } = coordinator;
  const samples: number[] = [];
  for (let at = 0; at < ONE_HOST_TRIES; at++) {
    say(`joining host ${at}`);
    const fleet = `line${at}`;
    await using machine = await startMachine(network, fleet, { dir, key: "" });
    const { join_command } = await createJoinToken(client, fleet);
    const startedAt = performance.now();
    const installing = machine.run(["sh", "-c", join_command]);
    const idle = async () => (await client.getFleet(fleet)).instances[0]?.status === "idle";
    await waitFor("the host to be idle", idle, 60_000);
    samples.push(performance.now() - startedAt);
    await installing;
  }
  report.times("one host by the line that joins it, with its download, until it is idle", samples);
};

/** From the start of the agent on a host that was started again until a job that waited for it runs. */
const measureReboot = async ({ dir, network, coordinator, report, say }: Place): Promise<void> => {
  const { client } = coordinator;
  const samples: number[] = [];
  const bootIdFile = join(dir, "boot_id");
  const boot = () => writeFileSync(bootIdFile, `${crypto.randomUUID()}\n`);
  boot();
  const place = await network.addHost("again");
  await using agent = await startAgent({
    coordinator,
    dir: join(dir, "again"),
    runtime: "process",
    name: "again",
    fleet: "again",
    place,
    bootIdFile,
  });
  for (let at = 0; at < ONE_HOST_TRIES; at++) {
    say(`starting a host again, ${at}`);
    await agent.program.kill9();
    boot();
    const name = `again-${at}`;
    const task = { type: "task", name, fleets: ["again"], commands: ["true"], resources: SMALL };
    await client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input: JSON.stringify(task) });
    const startedAt = performance.now();
    agent.restart();
    await client.waitForEnd(name, 60_000);
    samples.push(performance.now() - startedAt);
  }
  report.times("start of the agent after a reboot, until a job that waited has ended there", samples);
};
