import { statSync } from "node:fs";
import { AppError, messageOf } from "../../shared/errors.ts";
import { VERSION } from "../../shared/version.ts";
import { askAgent } from "../control/client.ts";
import { StatusAnswer } from "../control/messages.ts";
import { readInventory } from "../inventory/readInventory.ts";
import { findIdentity, type Identity } from "../link/identity.ts";
import { SYSTEM_TRUST, tlsOf } from "../link/trust.ts";
import { checkCoordinator } from "./coordinator.ts";
import { checkFiles, checkSpace, checkSpeed } from "./disk.ts";
import { checkEngine } from "./engine.ts";
import { bad, type Finding, good, hint } from "./finding.ts";
import { checkKernel, checkStateDir, checkUser } from "./kernel.ts";
import { checkMounts } from "./mounts.ts";
import { checkService } from "./service.ts";

export interface DoctorOptions {
  stateDir: string;
  /** Given on the command line; else that of the identity. */
  url: string | undefined;
  caFile: string | undefined;
  runtime: "auto" | "docker" | "process" | undefined;
  dockerHost: string;
  env: Readonly<Record<string, string | undefined>>;
  /** The file of this program; undefined: it runs from its sources. */
  program: string | undefined;
  uid: number;
  now: () => number;
  signal: AbortSignal;
}

/** Looks at everything that a host needs; changes nothing, and works with an agent, without one, and before a join. */
export const examine = async (options: DoctorOptions): Promise<Finding[]> => {
  const { stateDir, dockerHost, uid, env, program, now, signal } = options;
  const [identity, identityFinding] = readIdentity(stateDir, now());
  const agent = await findAgent(stateDir);
  const mode = statSync(stateDir, { throwIfNoEntry: false })?.mode;
  const url = options.url ?? identity?.url;
  const runtime = options.runtime ?? identity?.runtime ?? "auto";
  const inventory = await readInventory({ stateDir, runtime: "auto", signal, dockerHost });
  return [
    good("version", VERSION),
    checkUser(uid),
    checkStateDir(mode, stateDir),
    ...(identityFinding ? [identityFinding] : []),
    ...(identity || agent instanceof Error ? [agentFinding(agent)] : []),
    ...(url === undefined ? [] : await askCoordinator(url, { ...options, identity })),
    checkService({ uid, env }),
    ...checkMounts({ stateDir, program }),
    ...checkKernel(agent && !(agent instanceof Error) ? { pid: agent.agent.pid } : {}),
    ...(mode === undefined
      ? []
      : [
          await checkSpace("the agent and its jobs", stateDir),
          ...(await checkFiles(stateDir)),
          checkSpeed(stateDir),
        ]),
    ...(runtime === "process"
      ? []
      : await checkEngine(
          dockerHost,
          inventory.gpus.map(({ id }) => id),
          { isNeeded: runtime === "docker", signal },
        )),
    ...gpuFindings(inventory),
  ];
};

const askCoordinator = async (
  url: string,
  { env, now, caFile, identity }: DoctorOptions & { identity: Identity | undefined },
): Promise<Finding[]> => {
  try {
    const tls = tlsOf(identity?.trust ?? SYSTEM_TRUST, caFile);
    return await checkCoordinator(url, { env, now, tls });
  } catch (err) {
    if (!(err instanceof AppError)) throw err;
    return [bad("TLS", err.message, "Mend the file that DSTACK_CA_FILE or --ca-file names")];
  }
};

const JOIN =
  "Join the host: make a token with `dstack fleet token create FLEET`, then dstack-agent join --url URL";

const readIdentity = (stateDir: string, now: number): [Identity | undefined, Finding | undefined] => {
  try {
    const identity = findIdentity(stateDir);
    if (!identity) return [undefined, bad("fleet", "this host has not joined a fleet", JOIN)];
    const { instance_name, project_name, fleet_name, credential } = identity;
    const text = `${instance_name} in ${project_name}/${fleet_name}`;
    if (credential.expires_at > now) return [identity, good("fleet", text)];
    // The host's key gets it another one, unless it was removed meanwhile.
    return [
      identity,
      hint("fleet", `${text}; its credential has expired`, "Start the agent: it gets a new one"),
    ];
  } catch (err) {
    return [undefined, bad("fleet", messageOf(err), JOIN)];
  }
};

/** What the agent says of itself, or why it does not; undefined: none runs. */
const findAgent = async (stateDir: string): Promise<StatusAnswer | Error | undefined> => {
  try {
    return await askAgent(stateDir, { command: "status", answer: StatusAnswer });
  } catch (err) {
    return err instanceof Error ? err : new Error(String(err));
  }
};

const agentFinding = (agent: StatusAnswer | Error | undefined): Finding => {
  if (agent instanceof Error) {
    const mend = agent instanceof AppError ? agent.hint : undefined;
    return bad("agent", agent.message, mend ?? "See the agent's own log (journalctl -u dstack-agent)");
  }
  if (!agent)
    return bad("agent", "no agent runs", "Start it: systemctl start dstack-agent, or dstack-agent run");
  const { link, draining, agent: process } = agent;
  const text = `version ${process.version}, process ${process.pid}, ${link.state}`;
  if (link.state !== "connected")
    return bad("agent", `${text}: ${link.reason ?? ""}`, "See what is said of the coordinator");
  if (draining)
    return hint("agent", `${text}, draining`, "dstack-agent undrain, when it is to take jobs again");
  return good("agent", text);
};

type Gpus = Pick<Awaited<ReturnType<typeof readInventory>>, "gpus" | "gpu_failure" | "held_out_gpus">;

const gpuFindings = ({ gpus, gpu_failure: failure, held_out_gpus: heldOut }: Gpus): Finding[] => [
  ...(gpus.length > 0
    ? [
        good(
          "GPUs",
          [...new Set(gpus.map(({ raw_name }) => raw_name))]
            .map((name) => `${gpus.filter((gpu) => gpu.raw_name === name).length} × ${name}`)
            .join(", "),
        ),
      ]
    : [good("GPUs", "none")]),
  ...(failure ? [hint("GPUs", failure, "Install or mend the vendor's driver and its tool")] : []),
  ...(heldOut ?? []).map(({ raw_name, id, health }) =>
    bad(
      "GPUs",
      `${raw_name} (${id}) is held out: ${health?.reason ?? "it fails"}`,
      "Reset or replace the device; it is taken in again when it is well",
    ),
  ),
];
