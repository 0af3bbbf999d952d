import { Periodic } from "../../shared/async/periodic.ts";
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

/**
 * Deletes events when their time is over, at the start and every few minutes; with a time of 0 all there are. In slices,
 * between which others are served.
 */
export const purgeEvents = ({ db, clock, log }: EventPurgeDeps, { ttlS }: { ttlS: number }): Periodic =>
  new Periodic({
    clock,
    everyMs: EVERY_MS,
    work: async (signal) => {
      const before = (clock.now() - ttlS * 1000) * 1000;
      while (!signal.aborted && (await deleteEventsBefore(db, before)));
    },
    failed: (err) => log.error("Old events could not be deleted; it is tried again", { err }),
  });
