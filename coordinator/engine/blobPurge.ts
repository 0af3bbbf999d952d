import { Periodic } from "../../shared/async/periodic.ts";
import type { Clock } from "../../shared/clock.ts";
import type { Logger } from "../../shared/log.ts";
import type { BlobStore } from "../blobs/blobStore.ts";
import { forgetBlob, listNeededBlobs } from "../store/blobUse.ts";
import type { Db } from "../store/db.ts";

const EVERY_MS = 3600_000;

interface BlobPurgeDeps {
  db: Db;
  blobs: BlobStore;
  clock: Clock;
  log: Logger;
}

/**
 * Removes archives and code that have been of no use for a time, at the start and every hour: nobody sent them or asked
 * for them, no run was submitted with them and no host fetched them, and no run that is not over has them. With a time of 0
 * they stay.
 */
export const purgeBlobs = (deps: BlobPurgeDeps, { ttlS }: { ttlS: number }): Pick<Periodic, "close"> =>
  ttlS === 0
    ? { close: async () => {} }
    : new Periodic({
        clock: deps.clock,
        everyMs: EVERY_MS,
        work: (signal) => purge(deps, ttlS * 1000, signal),
        failed: (err) => deps.log.error("Old archives could not be removed; it is tried again", { err }),
      });

const purge = async (
  { db, blobs, clock, log }: BlobPurgeDeps,
  ttlMs: number,
  signal: AbortSignal,
): Promise<void> => {
  const before = clock.now() - ttlMs;
  const idle = await blobs.listIdle(before);
  if (idle.length === 0) return;
  const needed = await listNeededBlobs(db);
  let removed = 0;
  for (const sha256 of idle) {
    if (signal.aborted) return;
    if (needed.has(sha256) || !blobs.isIdle(sha256, before)) continue;
    await forgetBlob(db, sha256);
    // Whoever has sent it again in this moment has it.
    if (blobs.removeIdle(sha256, before)) removed++;
  }
  if (removed > 0) log.info("Archives that nobody needs were removed", { count: removed });
};
