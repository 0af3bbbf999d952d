import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startCoordinator } from "../e2e/harness/coordinator.ts";
import { createNetwork } from "../e2e/harness/network.ts";
import { reasonsAgainst } from "../e2e/harness/requirements.ts";
import { makeKey, startMachine } from "../e2e/harness/sshMachine.ts";
import type { Part } from "./bench.ts";
import { measureIdleCpu, readMemory } from "./probe.ts";

/** Each unpacks and starts an agent of its own, on this machine's processors. */
const HOSTS = 20;
const QUICK_HOSTS = 3;

const APPLY_MS = 600_000;
const IDLE_SECONDS = 20;
const SAMPLE_MS = 500;

/** From `apply` of one SSH fleet until all of its hosts are idle, and what the coordinator takes for that and afterwards. */
export const measureHosts = async ({ dir, quick, report, say }: Part): Promise<void> => {
  const lacking = reasonsAgainst(["programs", "root", "curl", "sshd"]);
  if (lacking.length > 0) return report.note(`hosts of an SSH fleet: left out, ${lacking.join("; ")}`);
  const count = quick ? QUICK_HOSTS : HOSTS;
  mkdirSync(dir, { recursive: true });
  await using undo = new AsyncDisposableStack();
  const network = undo.use(await createNetwork());
  const key = await makeKey(join(dir, "key"));
  const hosts: string[] = [];
  for (let at = 0; at < count; at++) {
    const machine = await startMachine(network, `h${at}`, { dir, key: key.line });
    hosts.push(undo.use(machine).host.ip);
  }
  const coordinator = undo.use(await startCoordinator({ dir: join(dir, "c"), ip: network.ip }));
  const { pid } = coordinator.program;
  const before = readMemory(pid).rssMib;
  const path = join(dir, "fleet.dstack.yml");
  const ssh_config = { user: "root", identity_file: key.path, hosts };
  writeFileSync(path, JSON.stringify({ type: "fleet", name: "many", ssh_config }));
  let most = 0;
  const sampling = setInterval(() => {
    most = Math.max(most, readMemory(pid).rssMib);
  }, SAMPLE_MS);
  undo.defer(() => clearInterval(sampling));
  say(`applying ${count} hosts`);
  const startedAt = performance.now();
  await coordinator.client.dstackOk(["apply", "-y", "-f", path], { timeoutMs: APPLY_MS });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const [cpu = 0] = await measureIdleCpu([pid], IDLE_SECONDS);
  const after = readMemory(pid).rssMib;
  report.figure(`${count} hosts by SSH, all on this machine, until the last is idle`, `${seconds} s`);
  report.figure(
    "its coordinator before, at most, and afterwards",
    `${before.toFixed(0)}, ${most.toFixed(0)}, ${after.toFixed(0)} MiB RSS; idle ${cpu.toFixed(2)} % of a core`,
  );
};
