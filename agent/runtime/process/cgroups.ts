import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { messageOf } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import { cgroupFolder, cgroupMount } from "../../metrics/cgroup.ts";

/** What a job may use, where that is bounded. */
interface CgroupLimits {
  cpus?: number | null | undefined;
  memoryMib?: number | null | undefined;
}

/** Control groups of jobs without containers (cgroups(7)): limits, accounting, and a kill that nothing escapes. */
export interface Cgroups {
  /** Makes a job's own, one folder for each hierarchy; empty where this host does not let the agent. */
  create(submissionId: string, limits: CgroupLimits): string[];
  /** Those that there are. */
  find(submissionId: string): string[];
}

/** Our folder, in every hierarchy. systemd leaves alone what is not named like a unit. */
const FOLDER = "dstack-jobs";
/** As systemd gives users: the default of the kernel's scheduler. */
const PERIOD_US = 100_000;

/** A place for jobs in one hierarchy, and what can be bounded there. */
interface Hierarchy {
  version: 1 | 2;
  folder: string;
  controllers: readonly string[];
  /** Groups whose limits are meant for the agent's jobs too, although these are not below them. */
  limitedBy?: readonly string[];
}

export interface CgroupsOptions {
  /** "/" but in tests. */
  root: string;
  log: Logger;
}

export const openCgroups = ({ root, log }: CgroupsOptions): Cgroups => {
  const places = [...new Set([...findFirstVersion(root), ...findSecondVersion(root)])];
  const opened = places.flatMap((place) => {
    try {
      return [openHierarchy(place)];
    } catch (err) {
      log.debug("A hierarchy of control groups cannot be used", {
        folder: place.folder,
        reason: messageOf(err),
      });
      return [];
    }
  });
  const bounds = new Set(opened.flatMap(({ controllers }) => controllers));
  const missing = ["cpu", "memory", "pids"].filter((controller) => !bounds.has(controller));
  if (missing.length > 0)
    log.info("What jobs use cannot be bounded: this host gives the agent no control groups for it", {
      missing,
    });
  const foldersOf = (id: string) => opened.map(({ folder }) => join(folder, id));
  return {
    create: (submissionId, limits) =>
      opened.flatMap((place) => {
        const folder = join(place.folder, submissionId);
        try {
          mkdirSync(folder, { recursive: true });
          for (const [file, value] of settingsOf(place, { root, ...limits }))
            writeFileSync(join(folder, file), value);
          return [folder];
        } catch (err) {
          log.warn("A job's control group cannot be made", { folder, reason: messageOf(err) });
          return [];
        }
      }),
    find: (submissionId) => foldersOf(submissionId).filter((folder) => existsSync(folder)),
  };
};

/**
 * In the second version a group with processes cannot give controllers to groups below it, and the agent's own has the
 * agent. So jobs are beside it: in the uppermost group that this user may write to.
 */
const findSecondVersion = (root: string): Hierarchy[] => {
  const [own, mount] = [cgroupFolder(root, "self", ""), cgroupMount(root, "")];
  if (own === undefined || mount === undefined) return [];
  const line: string[] = [];
  for (let folder = own; folder.startsWith(mount); folder = dirname(folder)) line.push(folder);
  const at = line.findLastIndex((folder) => isWritable(join(folder, "cgroup.procs")) && isWritable(folder));
  const uppermost = line[at];
  if (uppermost === undefined) return [];
  const controllers = ["cpu", "memory", "pids"];
  return [{ version: 2, folder: join(uppermost, FOLDER), controllers, limitedBy: line.slice(0, at) }];
};

/** In the first version each controller is by itself; below the agent's own group all limits of that hold too. */
const findFirstVersion = (root: string): Hierarchy[] => {
  const found = new Map<string, string[]>();
  for (const controller of ["cpu", "memory", "pids"]) {
    const folder = cgroupFolder(root, "self", controller);
    if (folder && isWritable(folder)) found.set(folder, [...(found.get(folder) ?? []), controller]);
  }
  return [...found].map(([folder, controllers]) => ({
    version: 1,
    folder: join(folder, FOLDER),
    controllers,
  }));
};

const openHierarchy = (place: Hierarchy): Hierarchy => {
  if (place.version === 1) {
    mkdirSync(place.folder, { recursive: true });
    return place;
  }
  const parent = dirname(place.folder);
  mkdirSync(place.folder, { recursive: true });
  const controllers = place.controllers.filter(
    (controller) => enable(parent, controller) && enable(place.folder, controller),
  );
  const limits: [controller: string, file: string, weight: (value: string) => number][] = [
    ["memory", "memory.max", Number],
    ["cpu", "cpu.max", (value) => Number(value.split(" ")[0]) / Number(value.split(" ")[1])],
  ];
  for (const [controller, file, weight] of limits) {
    const values = (place.limitedBy ?? []).map((folder) => read(join(folder, file)));
    const least = values.filter((value) => weight(value) > 0).toSorted((a, b) => weight(a) - weight(b))[0];
    if (least !== undefined && controllers.includes(controller))
      writeFileSync(join(place.folder, file), least);
  }
  return { ...place, controllers };
};

/** Lets the groups below have a controller. A group with processes of its own cannot (EBUSY). */
const enable = (folder: string, controller: string): boolean => {
  const file = join(folder, "cgroup.subtree_control");
  if (read(file).split(/\s+/).includes(controller)) return true;
  try {
    writeFileSync(file, `+${controller}`);
    return true;
  } catch {
    // Not there, not delegated, or not possible here: said once, with the others that are missing.
    return false;
  }
};

/** Files and values in the order in which the kernel takes them. */
const settingsOf = (
  { version, controllers }: Hierarchy,
  { root, cpus, memoryMib }: CgroupLimits & { root: string },
): [file: string, value: string][] => {
  const quota = cpus ? Math.round(cpus * PERIOD_US) : undefined;
  const bytes = memoryMib ? String(memoryMib * 1024 ** 2) : undefined;
  const has = (controller: string) => controllers.includes(controller);
  return [
    ...(has("cpu") && quota !== undefined ? [cpuSetting(version, quota)] : []),
    ...(has("memory") && bytes !== undefined
      ? [[version === 2 ? "memory.max" : "memory.limit_in_bytes", bytes] satisfies [string, string]]
      : []),
    // Enough for any job, and not all that there is: whoever ends a job that forks without end needs some too.
    ...(has("pids")
      ? [["pids.max", String(Math.floor(maxProcesses(root) * 0.75))] satisfies [string, string]]
      : []),
  ];
};

const cpuSetting = (version: 1 | 2, quota: number): [string, string] =>
  version === 2 ? ["cpu.max", `${quota} ${PERIOD_US}`] : ["cpu.cfs_quota_us", String(quota)];

const maxProcesses = (root: string): number => Number(read(join(root, "proc/sys/kernel/pid_max"))) || 32_768;

const isWritable = (path: string): boolean => {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
};

const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
};

/** Removes a job's groups, and what it has made below them; one with processes in it stays (EBUSY). */
export const removeCgroups = (folders: readonly string[]): void => {
  for (const folder of folders) {
    try {
      const below = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
      removeCgroups(below.map(({ name }) => join(folder, name)));
      rmdirSync(folder);
    } catch (err) {
      // Gone already, or its last process is about to be.
      if (!["ENOENT", "EBUSY"].includes((err as NodeJS.ErrnoException).code ?? "")) throw err;
    }
  }
};
