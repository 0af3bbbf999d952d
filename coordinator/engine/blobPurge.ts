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
 * for them, no run was submitted with them and no host fetched them, and no run that is not over has them. A time of 0:
 * they stay.
 */
export class BlobPurge {
  readonly #deps: BlobPurgeDeps;
  readonly #ttlMs: number;
  readonly #closing = new AbortController();
  #cancel: () => void = () => {};
  #running: Promise<void> | undefined;

  constructor(deps: BlobPurgeDeps, { ttlS }: { ttlS: number }) {
    this.#deps = deps;
    this.#ttlMs = ttlS * 1000;
    if (ttlS > 0) this.#cancel = deps.clock.after(0, () => this.#begin());
  }

  async close(): Promise<void> {
    this.#cancel();
    this.#closing.abort();
    await this.#running;
  }

  #begin(): void {
    const { clock, log } = this.#deps;
    this.#cancel = clock.after(EVERY_MS, () => this.#begin());
    this.#running ??= this.#purge()
      .catch((err: unknown) => log.error("Old archives could not be removed; it is tried again", { err }))
      .finally(() => {
        this.#running = undefined;
      });
  }

  async #purge(): Promise<void> {
    const { db, blobs, clock, log } = this.#deps;
    const before = clock.now() - this.#ttlMs;
    const idle = await blobs.listIdle(before);
    if (idle.length === 0) return;
    const needed = await listNeededBlobs(db);
    let removed = 0;
    for (const sha256 of idle) {
      if (this.#closing.signal.aborted) return;
      if (needed.has(sha256) || !blobs.isIdle(sha256, before)) continue;
      await forgetBlob(db, sha256);
      // Whoever has sent it again in this moment has it.
      if (blobs.removeIdle(sha256, before)) removed++;
    }
    if (removed > 0) log.info("Archives that nobody needs were removed", { count: removed });
  }
}
