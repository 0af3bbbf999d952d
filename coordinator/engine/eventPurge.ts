import type { Clock } from "../../shared/clock.ts";
import type { Logger } from "../../shared/log.ts";
import type { Db } from "../store/db.ts";
import { deleteEventsBefore } from "../store/events.ts";

/** docs/spec/lifecycle.md §8. */
const EVERY_MS = 7 * 60_000;

interface EventPurgeDeps {
  db: Db;
  clock: Clock;
  log: Logger;
}

/** Deletes events when their time is over, at the start and every few minutes; with a time of 0 all there are. */
export class EventPurge {
  readonly #deps: EventPurgeDeps;
  readonly #ttlMs: number;
  readonly #closing = new AbortController();
  #cancel: () => void;
  #running: Promise<void> | undefined;

  constructor(deps: EventPurgeDeps, { ttlS }: { ttlS: number }) {
    this.#deps = deps;
    this.#ttlMs = ttlS * 1000;
    this.#cancel = deps.clock.after(0, () => this.#begin());
  }

  async close(): Promise<void> {
    this.#cancel();
    this.#closing.abort();
    await this.#running;
  }

  #begin(): void {
    const { clock, log } = this.#deps;
    this.#cancel = clock.after(EVERY_MS, () => this.#begin());
    // One that takes longer than that goes on by itself.
    this.#running ??= this.#purge()
      .catch((err: unknown) => log.error("Old events could not be deleted; it is tried again", { err }))
      .finally(() => {
        this.#running = undefined;
      });
  }

  /** In slices, between which others are served. */
  async #purge(): Promise<void> {
    const { db, clock } = this.#deps;
    const before = (clock.now() - this.#ttlMs) * 1000;
    while (!this.#closing.signal.aborted && (await deleteEventsBefore(db, before)));
  }
}
