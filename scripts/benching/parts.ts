import type { Part } from "./bench.ts";
import { measureClients } from "./clientsPart.ts";
import { measureCli } from "./cliPart.ts";
import { measureConfig } from "./configPart.ts";
import { measureHosts } from "./hostsPart.ts";
import { measureIdle } from "./idlePart.ts";
import { measureLatency } from "./latencyPart.ts";
import { measureLogs } from "./logsPart.ts";
import { measureMemory } from "./memoryPart.ts";
import { measurePeers } from "./peersPart.ts";
import { measureRuns, measureStops } from "./runsPart.ts";
import { measureThroughput } from "./throughputPart.ts";
import { measureTunnels } from "./tunnelsPart.ts";
import { measureUploads } from "./uploadsPart.ts";

/** In the order in which they run: what wants a quiet system is first. */
export const PARTS = {
  idle: { summary: "memory and CPU of coordinator and agent while nothing happens", run: measureIdle },
  cli: { summary: "start of the command line: --version, ps, and apply to the first line", run: measureCli },
  config: { summary: "reading and checking a configuration", run: measureConfig },
  runs: { summary: "a run from the request to its final status, step by step", run: measureRuns },
  stop: { summary: "from a stop request to the final status", run: measureStops },
  latency: { summary: "from a line of a job's output to a client that follows", run: measureLatency },
  throughput: { summary: "200 MB of output of one job, to a client that follows", run: measureThroughput },
  memory: { summary: "what our processes take while 1 GB of output passes", run: measureMemory },
  logs: { summary: "50 and 200 MB of output that is there, by dstack logs and in pages", run: measureLogs },
  uploads: { summary: "2 GiB of files to a job, with every process killed on the way", run: measureUploads },
  tunnels: { summary: "ports and shells of a job beside OpenSSH, here and far away", run: measureTunnels },
  hosts: {
    summary: "hosts: 100 by SSH, one by its line, one after a reboot (needs root, 16 GB)",
    run: measureHosts,
  },
  clients: {
    summary: "stock clients and ours, and REST beside the stock server's (needs pip)",
    run: measureClients,
  },
  peers: { summary: "docker run of the same image, and Slurm's srun", run: measurePeers },
} as const satisfies Record<string, { summary: string; run: (part: Part) => Promise<void> }>;
export type PartName = keyof typeof PARTS;

export const runPart = (name: PartName, part: Part): Promise<void> => {
  part.say(`--- ${name}`);
  return PARTS[name].run(part);
};
