import type { GpuDevice } from "../../shared/protocol/inventory.ts";
import { VERSION } from "../../shared/version.ts";
import type { Config } from "../config.ts";
import { askAgent } from "../control/client.ts";
import { StatusAnswer } from "../control/messages.ts";
import type { Identity } from "../link/identity.ts";
import { countJobs, getIdentity } from "./notRunning.ts";

/** Who this host is and what its agent does, as lines for people or as JSON; works without an agent too. */
export const status = async ({ stateDir, json }: Config, now: number): Promise<string> => {
  const identity = getIdentity(stateDir);
  const answer = await askAgent(stateDir, { command: "status", answer: StatusAnswer });
  const jobs = answer ? answer.jobs.length : countJobs(stateDir);
  if (json) return `${JSON.stringify(answer ?? withoutAgent(identity, jobs), undefined, 2)}\n`;
  const lines = answer ? linesOf(answer, now) : linesWithout(identity, jobs);
  return `${lines.map(([name, text]) => `${name.padEnd(13)}${text}`.trimEnd()).join("\n")}\n`;
};

const troubleOf = ({ health }: GpuDevice): string => (health?.reason ? ` (${health.reason})` : "");

type Line = readonly [name: string, text: string];

const withoutAgent = (identity: Identity, jobs: number | undefined) => {
  const { url, instance_id, instance_name, fleet_name, project_name } = identity;
  return {
    agent: null,
    identity: { url, instance_id, instance_name, fleet_name, project_name },
    jobs: jobs ?? null,
  };
};

const linesWithout = (identity: Identity, jobs: number | undefined): Line[] => [
  ["Coordinator", identity.url],
  ["Instance", `${identity.instance_name} (${identity.instance_id})`],
  ["Fleet", `${identity.project_name}/${identity.fleet_name}`],
  ...(jobs === undefined
    ? [["Agent", "running, but it does not answer (yet)"] as const]
    : ([
        ["Agent", `not running; version here: ${VERSION}`],
        ["Jobs", `${jobs} in its journal`],
      ] as const)),
];

const linesOf = (answer: StatusAnswer, now: number): Line[] => {
  const { agent, identity, link, draining, inventory, jobs } = answer;
  const ago = (at: number) => `for ${duration(now - at)}`;
  const connection =
    link.state === "connected"
      ? `connected ${ago(link.since)}`
      : `${link.state} ${ago(link.since)}${link.reason ? `: ${link.reason}` : ""}`;
  const { cpus, memory_mib: memory, disk_mib: disk, gpus } = inventory;
  const drain = draining
    ? `draining ${ago(draining.since)}${draining.reason ? `: ${draining.reason}` : ""}`
    : "takes jobs";
  return [
    ["Coordinator", identity.url],
    ["Link", connection],
    ["Instance", `${identity.instance_name} (${identity.instance_id})`],
    ["Fleet", `${identity.project_name}/${identity.fleet_name}`],
    ["Agent", `running ${ago(agent.started_at)}, version ${agent.version}, process ${agent.pid}`],
    ["Upgrades", upgradeText(answer.upgrade)],
    ["State", `${drain}${answer.is_told ? "" : " (the coordinator does not know yet)"}`],
    ["Runtime", `${inventory.runtime}${inventory.engine_version ? ` ${inventory.engine_version}` : ""}`],
    ["Has", `${cpus} CPUs, ${gib(memory)} of memory, ${gib(disk)} of disk free, ${gpus.length} GPUs`],
    ...gpus.map(
      (gpu): Line => ["", `GPU ${gpu.index}: ${gpu.raw_name}, ${gib(gpu.memory_mib)}${troubleOf(gpu)}`],
    ),
    ...(inventory.held_out_gpus ?? []).map((gpu): Line => ["", `Held out: ${gpu.raw_name}${troubleOf(gpu)}`]),
    ...(inventory.gpu_failure ? [["", `May be missing: ${inventory.gpu_failure}`] as const] : []),
    ["Jobs", jobs.length === 0 ? "none" : String(jobs.length)],
    ...jobs.map(
      (job): Line => [
        "",
        `${job.project_name}/${job.run_name}: ${job.state} ${ago(job.started_at ?? job.received_at)}`,
      ],
    ),
  ];
};

const upgradeText = (upgrade: StatusAnswer["upgrade"]): string => {
  const why = upgrade?.message ? `: ${upgrade.message}` : "";
  switch (upgrade?.state) {
    case "ready":
      return "taken when the coordinator offers them";
    case "working":
      return `taking ${upgrade.version}`;
    case "failed":
      return `${upgrade.version} failed${why}`;
    case "off":
      return "switched off";
    default:
      return `not possible${why}`;
  }
};

const gib = (mib: number): string => `${(mib / 1024).toFixed(1)} GiB`;

/** `3 d 4 h`, `2 min 5 s`: the two largest units. */
const duration = (ms: number): string => {
  let left = Math.max(0, Math.round(ms / 1000));
  const parts = UNITS.flatMap(([name, seconds]) => {
    const count = Math.floor(left / seconds);
    left -= count * seconds;
    return count > 0 ? [`${count} ${name}`] : [];
  });
  return parts.slice(0, 2).join(" ") || "0 s";
};

const UNITS = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
] as const;
