import { join } from "node:path";
import { readText } from "../../shared/proc/readText.ts";
import { type DiskBytes, parseBlkio, parseIoStat, parseKeyed, parseNumber } from "./parse.ts";

/** The folders in which the kernel accounts for one group of processes. */
export type Cgroup =
  | { version: 2; path: string }
  /** Each controller has a hierarchy of its own; some may be missing. */
  | { version: 1; cpu: string; memory: string; disk: string | undefined };

export interface CgroupUsage {
  cpuUs: number;
  memoryBytes: number;
  workingSetBytes: number;
  disk: DiskBytes | undefined;
}

interface Mount {
  /** The part of the hierarchy that is mounted here. */
  root: string;
  point: string;
}

/**
 * The cgroup of a process. `container`: the id of the container whose first process it is; then the group is the
 * container's as a whole, not one that it has made inside itself, and a process that is no container's has none. That
 * also finds out an engine on another machine, whose process ids mean nothing here.
 */
export const findCgroup = (
  root: string,
  { pid, container }: { pid: number; container?: string | undefined },
): Cgroup | undefined => {
  const memberships = readText(join(root, `proc/${pid}/cgroup`));
  const mountinfo = readText(join(root, "proc/self/mountinfo"));
  if (memberships === undefined || mountinfo === undefined) return undefined;
  const folderOf = (controller: string): string | undefined => {
    const path = pathOf(memberships, controller);
    const whole = container === undefined ? path : upToContainer(path, container);
    const mount = mountOf(mountinfo, controller);
    // Above the part that this process sees of the hierarchy (cgroup_namespaces(7)).
    if (whole === undefined || mount === undefined || whole.startsWith("/..")) return undefined;
    return join(root, mount.point, relativeTo(mount.root, whole));
  };
  // A host may have both, with the controllers in the first version.
  const [cpu, memory] = [folderOf("cpuacct"), folderOf("memory")];
  if (cpu && memory) return { version: 1, cpu, memory, disk: folderOf("blkio") };
  const path = folderOf("");
  return path === undefined ? undefined : { version: 2, path };
};

/** Where a hierarchy is mounted; `""` is that of the second version. Undefined: it is not. */
export const cgroupMount = (root: string, controller: string): string | undefined => {
  const mount = mountOf(readText(join(root, "proc/self/mountinfo")) ?? "", controller);
  return mount && join(root, mount.point);
};

/** A process's folder in a hierarchy, its own group whatever that is; undefined: there is none, or it is not visible. */
export const cgroupFolder = (root: string, pid: number | "self", controller: string): string | undefined => {
  const path = pathOf(readText(join(root, `proc/${pid}/cgroup`)) ?? "", controller);
  const mount = mountOf(readText(join(root, "proc/self/mountinfo")) ?? "", controller);
  if (path === undefined || mount === undefined || path.startsWith("/..")) return undefined;
  return join(root, mount.point, relativeTo(mount.root, path));
};

/** `4:cpu,cpuacct:/path` or `0::/path` (cgroups(7)). */
const pathOf = (memberships: string, controller: string): string | undefined => {
  for (const [, controllers = "", path = ""] of memberships.matchAll(/^\d+:([^:\n]*):(\/.*)$/gm))
    if (controllers.split(",").includes(controller)) return path;
  return undefined;
};

/** `/system.slice/docker-ID.scope/init` without what comes after the container's own part. */
const upToContainer = (path: string | undefined, container: string): string | undefined => {
  const parts = path?.split("/") ?? [];
  const at = parts.findIndex((part) => part.includes(container));
  return at < 0 ? undefined : parts.slice(0, at + 1).join("/");
};

/** Of proc_pid_mountinfo(5) the fields root and mount point, and after the dash the type and the options. */
const mountOf = (mountinfo: string, controller: string): Mount | undefined => {
  const lines = mountinfo.matchAll(/^\d+ \d+ \S+ (\S+) (\S+) .*? - (cgroup2?) \S+ (\S+)$/gm);
  for (const [, root = "", point = "", type = "", options = ""] of lines) {
    const isIt = controller === "" ? type === "cgroup2" : options.split(",").includes(controller);
    if (isIt) return { root, point };
  }
  return undefined;
};

const relativeTo = (root: string, path: string): string =>
  root !== "/" && (path === root || path.startsWith(`${root}/`)) ? path.slice(root.length) : path;

/** Undefined: the group is gone, or the kernel does not account for processor and memory there. */
export const readCgroup = (cgroup: Cgroup): CgroupUsage | undefined =>
  cgroup.version === 2 ? readSecond(cgroup.path) : readFirst(cgroup);

const readSecond = (path: string): CgroupUsage | undefined => {
  const cpuUs = parseKeyed(readText(join(path, "cpu.stat")) ?? "").get("usage_usec");
  const memoryBytes = parseNumber(readText(join(path, "memory.current")));
  if (cpuUs === undefined || memoryBytes === undefined) return undefined;
  const unused = parseKeyed(readText(join(path, "memory.stat")) ?? "").get("inactive_file") ?? 0;
  const io = readText(join(path, "io.stat"));
  return {
    cpuUs,
    memoryBytes,
    workingSetBytes: Math.max(0, memoryBytes - unused),
    disk: io === undefined ? undefined : parseIoStat(io),
  };
};

const readFirst = ({ cpu, memory, disk }: Cgroup & { version: 1 }): CgroupUsage | undefined => {
  const cpuNs = parseNumber(readText(join(cpu, "cpuacct.usage")));
  const memoryBytes = parseNumber(readText(join(memory, "memory.usage_in_bytes")));
  if (cpuNs === undefined || memoryBytes === undefined) return undefined;
  const unused = parseKeyed(readText(join(memory, "memory.stat")) ?? "").get("total_inactive_file") ?? 0;
  const io = disk === undefined ? undefined : readText(join(disk, "blkio.throttle.io_service_bytes"));
  return {
    cpuUs: Math.round(cpuNs / 1000),
    memoryBytes,
    workingSetBytes: Math.max(0, memoryBytes - unused),
    disk: io === undefined ? undefined : parseBlkio(io),
  };
};
