import { readdirSync, readFileSync } from "node:fs";
import type { Engine } from "../e2e/harness/engine.ts";

/** What a process, and what it keeps on disk, take up at one moment. */
export interface Footprint {
  rssMib: number;
  /** Of it what is the process's own, and not the mapped program. */
  anonMib: number;
  fds: number;
  /** Files under its state directory. */
  files: number;
  /** Of the host's engine, whatever state they are in; 0 without one. */
  containers: number;
  /** Processes with the state directory in their command line: the agent, and supervisors of jobs. */
  processes: number;
}

export interface Watched {
  name: string;
  pid: () => number;
  stateDir: string;
  engine?: Engine | undefined;
}

export const footprintOf = async ({ pid, stateDir, engine }: Watched): Promise<Footprint> => {
  const status = readFileSync(`/proc/${pid()}/status`, "utf8");
  const mib = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) / 1024;
  const ids = engine ? await engine.docker("ps", "-aq") : "";
  return {
    rssMib: mib("VmRSS"),
    anonMib: mib("RssAnon"),
    fds: readdirSync(`/proc/${pid()}/fd`).length,
    files: countFiles(stateDir),
    containers: ids.split("\n").filter(Boolean).length,
    processes: countProcesses(stateDir),
  };
};

const countFiles = (dir: string): number =>
  readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;

const countProcesses = (text: string): number =>
  readdirSync("/proc").filter((name) => /^\d+$/.test(name) && commandOf(name).includes(text)).length;

const commandOf = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    // It ended meanwhile.
    return "";
  }
};
