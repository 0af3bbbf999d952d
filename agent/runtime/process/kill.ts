import { delay } from "../../../shared/async/delay.ts";
import { isAlive } from "../../../shared/proc/stat.ts";

/** Sends a signal; a process (or, if negative, a group) that is gone is no error. */
export const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== "ESRCH") throw err;
  }
};

/** What cannot be killed in this time hangs in the kernel, and nobody can do more about it. */
const GIVE_UP_MS = 5_000;

/** Kills what `list` finds, again and again until it finds nothing alive: forking faster than that does not help. */
export const killAll = async (list: () => number[]): Promise<void> => {
  const until = Date.now() + GIVE_UP_MS;
  for (let waitMs = 1; Date.now() < until; waitMs = Math.min(waitMs * 2, 50)) {
    const alive = list().filter(isAlive);
    if (alive.length === 0) return;
    for (const pid of alive) signal(pid, "SIGKILL");
    await delay(waitMs);
  }
};
