import { readdirSync, readFileSync } from "node:fs";

/**
 * Ends the supervisors and commands of the process runtime that outlived their agent, as they are meant to:
 * those processes whose command line or environment names the agent's state directory.
 */
export const killJobsOf = (stateDir: string): void => {
  for (const pid of processesWith(stateDir)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code !== "ESRCH") throw err;
    }
  }
};

/** Processes of this machine, in containers too, with a text in their command line or environment. */
export const processesWith = (text: string): number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => ["cmdline", "environ"].some((file) => readProc(pid, file).includes(text)))
    .map(Number);

const readProc = (pid: string, file: string): string => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch (err) {
    // It ended meanwhile, or is not ours.
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes((err as NodeJS.ErrnoException).code ?? "")) return "";
    throw err;
  }
};
