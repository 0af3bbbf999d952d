import { statfsSync } from "node:fs";
import { delay } from "../../shared/async/delay.ts";
import { messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { showBytes } from "../../shared/showBytes.ts";
import { StartError } from "./runtime.ts";

/** What Node says where a disk is full or its quota is used up; an engine tells of its own disk in words. */
const CODES: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT"]);

/** The disk of the agent's own files had no room. */
export const hasNoRoom = (err: unknown): boolean =>
  err instanceof Error && CODES.has((err as NodeJS.ErrnoException).code);

/** What another process found, as if it had been this one. */
export const noRoom = (message: string): Error => Object.assign(new Error(message), { code: "ENOSPC" });

/** Throws, as a write would, where a disk cannot take so many bytes: nothing is begun that is bound to fail. */
export const checkRoom = (dir: string, bytes: number): void => {
  const { bavail, bsize } = statfsSync(dir);
  const free = bavail * bsize;
  if (free < bytes)
    throw noRoom(`${showBytes(bytes)} are needed, and the disk of ${dir} has ${showBytes(free)} left`);
};

const RETRY_MS = 1_000;
/** Then the job's owner is better served by the reason. */
const PATIENCE_MS = 5 * 60_000;

export interface RoomOptions {
  signal: AbortSignal;
  log: Logger;
  retryMs?: number;
  patienceMs?: number;
}

/**
 * Tries to start a job again where the last attempt found no room for the agent's own files, and nothing of it runs:
 * mostly a disk is full for a moment, and a job that ran would have waited for it too.
 */
export const whenThereIsRoom = async <T>(
  { signal, log, retryMs = RETRY_MS, patienceMs = PATIENCE_MS }: RoomOptions,
  attempt: () => Promise<T>,
): Promise<T> => {
  const until = performance.now() + patienceMs;
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await attempt();
    } catch (err) {
      if (!hasNoRoom(err) || signal.aborted) throw err;
      if (performance.now() >= until)
        throw new StartError("creating_container_error", `Cannot start the job: ${messageOf(err)}`, {
          hint: "The disk that the host's agent keeps its files on is full",
          cause: err,
        });
      if (isFirst)
        log.warn("The disk is full; the job is started when there is room", { reason: messageOf(err) });
      await delay(retryMs, signal);
      signal.throwIfAborted();
    }
  }
};
