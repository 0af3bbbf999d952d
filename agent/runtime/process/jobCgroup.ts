import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What a supervisor does with its job's control groups (cgroups(7)); it loads nothing else of them. */

const PROCS = "cgroup.procs";

const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Gone, or of the other version.
    return "";
  }
};

/**
 * Puts a command that has just been started, and what it has started meanwhile, into the job's groups. A process that
 * ends in that moment is no error.
 */
export const enterCgroups = (folders: readonly string[], list: () => number[]): void => {
  for (const folder of folders) {
    const moved = new Set<number>();
    for (let next = list(); next.some((pid) => !moved.has(pid)); next = list()) {
      for (const pid of next) {
        if (moved.has(pid)) continue;
        moved.add(pid);
        try {
          writeFileSync(join(folder, PROCS), String(pid));
        } catch (err) {
          if ((err as NodeJS.ErrnoException).code !== "ESRCH") throw err;
        }
      }
    }
  }
};

/** Everything in them, and in groups that the job has made below. */
export const processesIn = (folders: readonly string[]): number[] => [
  ...new Set(
    folders.flatMap((folder) => [
      ...read(join(folder, PROCS)).split("\n").filter(Boolean).map(Number),
      ...processesIn(foldersBelow(folder)),
    ]),
  ),
];

const foldersBelow = (folder: string): string[] => {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => join(folder, name));
  } catch {
    return [];
  }
};

/** Kills all at once, whatever forks meanwhile (cgroup-v2.rst, cgroup.kill; Linux 5.14). Elsewhere it does nothing. */
export const killCgroups = (folders: readonly string[]): void => {
  for (const folder of folders) {
    try {
      writeFileSync(join(folder, "cgroup.kill"), "1", { flag: "r+" });
    } catch {
      // The first version, an older kernel, or gone: processes are then killed one by one.
    }
  }
};

/** How many processes of the job the kernel has killed for want of memory. */
export const countOomKills = (folders: readonly string[]): number =>
  folders
    .flatMap((folder) => ["memory.events", "memory.oom_control"].map((file) => read(join(folder, file))))
    .reduce((sum, text) => sum + Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0), 0);
