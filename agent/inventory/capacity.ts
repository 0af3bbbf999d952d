import { readFileSync } from "node:fs";
import { join } from "node:path";

/** CPUs and memory that jobs can use on this host. */
export interface Capacity {
  cpus: number;
  memory_mib: number;
}

export interface CapacityOptions {
  /** "/" but in tests. */
  root: string;
  /** What jobs get at most: the whole machine as the engine sees it, or this process's share of it. */
  engine?: { cpus: number; memoryBytes: number } | undefined;
}

/**
 * Jobs of the process runtime are children of the agent and share its CPU affinity and cgroup, with all the limits
 * above it. Containers are the engine's children: only the limits of the outermost visible cgroup hold for them too
 * (the agent and the engine in one container), not those that an administrator set for the agent's own service.
 */
export const readCapacity = ({ root, engine }: CapacityOptions): Capacity => {
  const meminfo = Number(/^MemTotal:\s+(\d+) kB$/m.exec(read(root, "proc/meminfo"))?.[1] ?? 0) * 1024;
  const limits = engine
    ? limitsAt(root, OUTERMOST)
    : limitsAt(root, ownCgroups(read(root, "proc/self/cgroup")));
  const cpus = Math.min(engine?.cpus ?? affinity(read(root, "proc/self/status")), limits.cpus);
  const memory = Math.min(engine?.memoryBytes ?? meminfo, limits.memoryBytes);
  return {
    // A quota of 1.5 CPUs is 1 CPU to those who plan with whole ones, and half a CPU is one that is slow.
    cpus: Math.max(1, Math.floor(Number.isFinite(cpus) ? cpus : navigator.hardwareConcurrency)),
    memory_mib: Math.max(1, Math.floor(memory / 1024 ** 2)),
  };
};

/** CPUs in a list like `0-3,8,10-11` of /proc/PID/status (proc(5)); infinite where it is not told. */
export const affinity = (status: string): number => {
  const list = /^Cpus_allowed_list:\s+(\d[\d,-]*)$/m.exec(status)?.[1];
  if (list === undefined) return Number.POSITIVE_INFINITY;
  const sizes = list.split(",").map((range) => {
    const [first = Number.NaN, last = first] = range.split("-").map(Number);
    return last - first + 1;
  });
  const count = sizes.reduce((sum, size) => sum + size, 0);
  return count > 0 ? count : Number.POSITIVE_INFINITY;
};

/** A cgroup's folders under /sys/fs/cgroup: where its CPU and its memory limits are, in version 2 and in version 1. */
interface CgroupPaths {
  v2: string;
  cpu: string;
  memory: string;
}
const OUTERMOST: CgroupPaths = { v2: "/", cpu: "/", memory: "/" };

/** `0::/system.slice/x` (version 2) and `4:memory:/x`, `7:cpu,cpuacct:/x` (version 1); cgroups(7). */
const ownCgroups = (cgroup: string): CgroupPaths => {
  const paths = { ...OUTERMOST };
  for (const line of cgroup.split("\n")) {
    const [, controllers = "", path = ""] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    // In a container without a cgroup namespace the path is the host's, which is not visible here.
    if (path === "" || path.includes("..")) continue;
    if (controllers === "") paths.v2 = path;
    if (controllers.split(",").includes("cpu")) paths.cpu = path;
    if (controllers.split(",").includes("memory")) paths.memory = path;
  }
  return paths;
};

const limitsAt = (root: string, paths: CgroupPaths): { cpus: number; memoryBytes: number } => {
  const cpuMax = ancestry(paths.v2).map((path) => read(root, "sys/fs/cgroup", path, "cpu.max").split(" "));
  const cfs = ancestry(paths.cpu).map((path) =>
    ["cpu.cfs_quota_us", "cpu.cfs_period_us"].map((file) => read(root, "sys/fs/cgroup/cpu", path, file)),
  );
  const memory = [
    ...ancestry(paths.v2).map((path) => read(root, "sys/fs/cgroup", path, "memory.max")),
    ...ancestry(paths.memory).map((path) =>
      read(root, "sys/fs/cgroup/memory", path, "memory.limit_in_bytes"),
    ),
  ];
  const positive = (value: number) => (value > 0 ? value : Number.POSITIVE_INFINITY);
  return {
    cpus: Math.min(...[...cpuMax, ...cfs].map(([quota, period]) => positive(Number(quota) / Number(period)))),
    memoryBytes: Math.min(...memory.map((limit) => positive(Number(limit)))),
  };
};

/** `/a/b` → `/a/b`, `/a`, `/`: every limit above holds too. */
const ancestry = (path: string): string[] => {
  const parts = path.split("/").filter(Boolean);
  return [...parts.keys(), parts.length].map((depth) => `/${parts.slice(0, depth).join("/")}`).reverse();
};

const read = (...path: string[]): string => {
  try {
    return readFileSync(join(...path), "utf8").trim();
  } catch {
    return "";
  }
};
