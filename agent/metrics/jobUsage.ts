import { join } from "node:path";
import { messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { readText } from "../../shared/proc/readText.ts";
import type { GpuUsage, JobUsage } from "../../shared/protocol/metrics.ts";
import type { UsedJob } from "../jobs/runningJobs.ts";
import { type Cgroup, findCgroup, readCgroup } from "./cgroup.ts";
import { parseNetDev } from "./parse.ts";
import { readTree } from "./processTree.ts";

/** Where one job's usage is read; it stays where it is, so it is looked for once. `cgroup` absent: the process tree. */
interface Source {
  pid: number;
  cgroup?: Cgroup;
}

type Counters = Pick<
  JobUsage,
  "cpu_us" | "disk_read_bytes" | "disk_write_bytes" | "network_in_bytes" | "network_out_bytes"
>;

interface Known {
  source?: Source | undefined;
  counters?: Counters;
}

/** Reads what the jobs of this host use, and remembers of each only where to look and how far its counters were. */
export class JobUsageReader {
  readonly #root: string;
  readonly #log: Logger;
  readonly #known = new Map<string, Known>();

  /** `root`: "/" but in tests. */
  constructor(root: string, log: Logger) {
    this.#root = root;
    this.#log = log;
  }

  /** Jobs of which nothing can be read now are left out; those that are not named are forgotten. */
  async read(jobs: readonly UsedJob[], gpus: ReadonlyMap<string, GpuUsage>): Promise<JobUsage[]> {
    const named = new Set(jobs.map((job) => job.submissionId));
    for (const id of this.#known.keys()) if (!named.has(id)) this.#known.delete(id);
    const usages = await Promise.all(jobs.map((job) => this.#readJob(job)));
    return jobs.flatMap(({ submissionId, gpuIds }, at) => {
      const usage = usages[at];
      return usage
        ? { submission_id: submissionId, ...usage, gpus: gpuIds.map((id) => gpus.get(id) ?? {}) }
        : [];
    });
  }

  async #readJob(job: UsedJob): Promise<Omit<JobUsage, "submission_id" | "gpus"> | undefined> {
    const known = this.#known.get(job.submissionId) ?? {};
    this.#known.set(job.submissionId, known);
    known.source ??= await this.#find(job);
    if (!known.source) return undefined;
    const { pid, cgroup } = known.source;
    const used = cgroup ? readCgroup(cgroup) : readTree(pid);
    if (!used) return undefined;
    const network = job.account.hasNetwork ? this.#readNetwork(pid) : undefined;
    known.counters = grown(known.counters, {
      cpu_us: used.cpuUs,
      disk_read_bytes: used.disk?.read,
      disk_write_bytes: used.disk?.written,
      network_in_bytes: network?.received,
      network_out_bytes: network?.sent,
    });
    return {
      ...known.counters,
      memory_bytes: used.memoryBytes,
      working_set_bytes: used.workingSetBytes,
    };
  }

  #readNetwork(pid: number) {
    const text = readText(join(this.#root, `proc/${pid}/net/dev`));
    return text === undefined ? undefined : parseNetDev(text);
  }

  async #find({ submissionId, account }: UsedJob): Promise<Source | undefined> {
    try {
      const pid = await account.pid();
      if (pid === undefined) return undefined;
      if (account.cgroup !== undefined) return { pid, cgroup: { version: 2, path: account.cgroup } };
      if (account.container === undefined) return { pid };
      const cgroup = findCgroup(this.#root, { pid, container: account.container });
      return cgroup && { pid, cgroup };
    } catch (err) {
      // An engine that does not answer now is asked again for the next sample.
      this.#log.debug("Cannot find where a job is accounted for", {
        submission_id: submissionId,
        reason: messageOf(err),
      });
      return undefined;
    }
  }
}

/** A counter that falls (what an orphan has used is gone with it) would look like a negative use. */
const grown = (before: Counters | undefined, now: Counters): Counters => {
  const most = (name: keyof Counters) => {
    const values = [before?.[name], now[name]].filter((value) => typeof value === "number");
    return values.length > 0 ? { [name]: Math.max(...values) } : {};
  };
  return {
    cpu_us: Math.max(before?.cpu_us ?? 0, now.cpu_us),
    ...most("disk_read_bytes"),
    ...most("disk_write_bytes"),
    ...most("network_in_bytes"),
    ...most("network_out_bytes"),
  };
};
