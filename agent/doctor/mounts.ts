import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { bad, type Finding, good, hint } from "./finding.ts";

interface MountsOptions {
  stateDir: string;
  /** Of the program that runs; undefined: from its sources. */
  program: string | undefined;
  /** For tests: a text in the place of /proc/mounts. */
  mounts?: string;
}

const TMP = "/tmp";

/** Whether the file systems that the agent and its jobs are on let them write and run programs. */
export const checkMounts = ({ stateDir, program, mounts = readMounts() }: MountsOptions): Finding[] => {
  const has = (path: string, option: string) => optionsOf(path, mounts).includes(option);
  const folder = program === undefined ? undefined : dirname(program);
  const found = [
    has(stateDir, "ro") &&
      bad(
        "mounts",
        `${stateDir} is on a read-only file system`,
        "Make it writable (mount -o remount,rw); a disk that has failed is read-only too: see dmesg",
      ),
    has(stateDir, "noexec") &&
      bad(
        "mounts",
        `${stateDir} is mounted noexec: jobs of the process runtime cannot run programs that they bring`,
        "Allow it (mount -o remount,exec), or install with --state-dir on another file system",
      ),
    folder !== undefined &&
      has(folder, "ro") &&
      hint(
        "mounts",
        `${folder} is on a read-only file system: the agent cannot take new releases`,
        "Make it writable, or install with --bin-dir on another file system",
      ),
    has(TMP, "noexec") &&
      hint(
        "mounts",
        `${TMP} is mounted noexec: the agent does not mind, jobs that run programs from there do`,
        `Allow it (mount -o remount,exec ${TMP}) where jobs need that`,
      ),
  ].filter((finding) => finding !== false);
  return found.length > 0 ? found : [good("mounts", "programs run, and can be replaced")];
};

/** Those of the deepest mount, of several at one place the last (proc_mounts(5)); none where that is not known. */
const optionsOf = (path: string, mounts: string): string[] => {
  const lines = mounts.split("\n").map((line) => line.split(" "));
  const above = lines.filter(([, at]) => at === "/" || path === at || path.startsWith(`${at}/`));
  const deepest = Math.max(...above.map(([, at = ""]) => at.length));
  return above.findLast(([, at = ""]) => at.length === deepest)?.[3]?.split(",") ?? [];
};

const readMounts = (): string => {
  try {
    return readFileSync("/proc/self/mounts", "utf8");
  } catch {
    // No /proc: nothing is known.
    return "";
  }
};
