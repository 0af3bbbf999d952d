import { join } from "node:path";
import { startAgent } from "../../e2e/harness/agent.ts";
import { type Coordinator, startCoordinator } from "../../e2e/harness/coordinator.ts";
import { freePort } from "../../e2e/harness/freePort.ts";
import { type Cable, createNetwork, type Host } from "../../e2e/harness/network.ts";
import { type Program, runOk } from "../../e2e/harness/program.ts";
import { SMALL } from "../../e2e/harness/system.ts";
import { JOB_PORTS } from "./jobSide.ts";
import { openSshd, type Sshd } from "./openSshd.ts";
import type { Way } from "./traffic.ts";

/** A host with a job, and all ways from this machine to the job's ports. */
export interface Site {
  readonly host: Host;
  readonly run: string;
  readonly sshd: Sshd;
  readonly raw: Way;
  readonly sshForward: Way;
  readonly relay: Way;
  readonly direct: Way;
  /** OpenSSH by the name that `dstack attach` has written, for a command to follow. */
  readonly shell: readonly string[];
  /** Whose memory a tunnel takes. */
  readonly programs: Readonly<Record<"coordinator" | "agent" | "client" | "direct client", Program>>;
}

export interface Lab extends AsyncDisposable {
  readonly coordinator: Coordinator;
  addSite(name: string, cable?: Cable): Promise<Site>;
}

/** A coordinator on this machine, clients beside it, hosts in networks of their own; needs root. */
export const openLab = async (dir: string): Promise<Lab> => {
  await using undo = new AsyncDisposableStack();
  const network = undo.use(await createNetwork());
  const coordinator = undo.use(await startCoordinator({ dir: join(dir, "coordinator"), ip: network.ip }));
  const cleanUp = undo.move();

  const addSite = async (name: string, cable?: Cable): Promise<Site> => {
    const host = await network.addHost(name, cable);
    if (cable) await allowLongWay(host, cable);
    const agent = cleanUp.use(
      await startAgent({
        coordinator,
        dir: join(dir, name),
        runtime: "process",
        name,
        fleet: name,
        place: host,
        // Beside the job whose tunnel is full others begin.
        blocks: "2",
      }),
    );
    const run = `tunnel-${name}`;
    await startJob(coordinator, run, name);
    const sshd = cleanUp.use(await openSshd(host, join(dir, `${name}-sshd`)));
    const sshForward = cleanUp.use(await sshd.forward());
    const attachBy = async (way: "relay" | "direct") => {
      const attached = await attach(coordinator, { run, way, logFile: join(dir, `${name}-${way}.log`) });
      cleanUp.use(attached.program);
      return attached;
    };
    const [{ way: direct, program: directClient }, { way: relay, program: client }] = [
      await attachBy("direct"),
      await attachBy("relay"),
    ];
    const raw: Way = { name: "no tunnel", hostname: host.ip, port: (remote) => remote };
    const programs = {
      coordinator: coordinator.program,
      agent: agent.program,
      client,
      "direct client": directClient,
    };
    const shell = ["ssh", "-tt", "-F", join(coordinator.home, ".ssh/config"), run];
    return { host, run, sshd, raw, sshForward, relay, direct, shell, programs };
  };
  return { coordinator, addSite, [Symbol.asyncDispose]: () => cleanUp.disposeAsync() };
};

const startJob = async ({ client }: Coordinator, name: string, fleet: string): Promise<void> => {
  const configuration = {
    type: "task",
    name,
    fleets: [fleet],
    commands: [`exec ${process.execPath} ${join(import.meta.dir, "jobSide.ts")}`],
    ports: Object.values(JOB_PORTS).map(String),
    resources: SMALL,
  };
  await client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input: JSON.stringify(configuration) });
  await client.waitForRun(name, ({ status }) => status === "running");
};

const attach = async (
  { client }: Coordinator,
  { run, way: name, logFile }: { run: string; way: "relay" | "direct"; logFile: string },
) => {
  const local = new Map<number, number>();
  for (const remote of Object.values(JOB_PORTS)) local.set(remote, await freePort());
  const mappings = [...local].flatMap(([remote, here]) => ["-p", `${here}:${remote}`]);
  const program = client.startDstack(["attach", run, ...mappings], {
    logFile,
    env: { DSTACK_TUNNEL_WAY: name },
  });
  await program.waitForOutput(/Connected via [\s\S]*Press Ctrl\+C to detach/);
  const way: Way = { name, hostname: "127.0.0.1", port: (remote) => local.get(remote) ?? 0 };
  return { way, program };
};

/** A system's own limit on what one connection has on its way is soon less than what fits into a long cable. */
const allowLongWay = async (host: Host, { delayMs, mbitPerS }: Cable): Promise<void> => {
  const onItsWay = (2 * delayMs * mbitPerS * 1000) / 8;
  const most = Math.round(4 * onItsWay);
  await runOk(["sysctl", "-q", "-w", `net.ipv4.tcp_wmem=4096 16384 ${most}`], { place: host });
};
