import type { Logger } from "../../shared/log.ts";
import type { Inventory } from "../../shared/protocol/inventory.ts";
import type { UsageSample } from "../../shared/protocol/metrics.ts";
import type { UsedJob } from "../jobs/runningJobs.ts";
import { readGpuUsage } from "./gpus/readGpus.ts";
import { readHostUsage } from "./hostUsage.ts";
import { JobUsageReader } from "./jobUsage.ts";

export interface SamplerDeps {
  /** On the file system that jobs write on. */
  dir: string;
  inventory: () => Inventory;
  jobs: () => readonly UsedJob[];
  now: () => number;
  log: Logger;
  /** For tests: other places of /proc and /sys, and of the vendors' tools. */
  root?: string;
  searchPath?: string;
}

/** What the host and its jobs use at this moment. Never rejects: what cannot be read is left out. */
export type Sampler = (signal: AbortSignal) => Promise<UsageSample>;

export const createSampler = (deps: SamplerDeps): Sampler => {
  const { dir, inventory, jobs, now, log, root = "/", searchPath } = deps;
  const reader = new JobUsageReader(root, log);
  return async (signal) => {
    const { gpus: devices } = inventory();
    const used = jobs();
    // The tool takes longest, and processors are read right after it: the moment is that of all of them.
    const gpus = await readGpuUsage(devices, { root, signal, searchPath });
    const at = now();
    const [host, jobUsages] = await Promise.all([readHostUsage({ root, dir }), reader.read(used, gpus)]);
    const ofHost = { ...host, gpus: devices.map((device) => gpus.get(device.id) ?? {}) };
    return { at, host: ofHost, jobs: jobUsages };
  };
};
