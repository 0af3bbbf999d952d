import { Periodic } from "../../shared/async/periodic.ts";
import type { Clock } from "../../shared/clock.ts";
import { messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { removeInstance } from "../domain/fleets/deleteFleets.ts";
import type { Db } from "../store/db.ts";
import type { Capacity } from "./capacity.ts";
import type { Engine } from "./engine.ts";
import type { FleetKeeper } from "./fleetKeeper.ts";

const EVERY_MS = 10 * 60_000;

interface ForgetDeps {
  db: Db;
  clock: Clock;
  log: Logger;
  capacity: Capacity;
  engine: Pick<Engine, "loseJobs">;
  fleets: FleetKeeper;
}

/**
 * Removes hosts of which nothing was heard for so long, with their jobs. Made instances are their backend's, which is
 * asked about them anyway.
 */
export const forgetHosts = (
  { db, clock, log, capacity, engine, fleets }: ForgetDeps,
  afterMs: number,
): Periodic =>
  new Periodic({
    clock,
    everyMs: EVERY_MS,
    work: async (signal) => {
      if (afterMs === 0) return;
      for (const { instance } of capacity.listAll()) {
        const { unreachable, unreachable_since: since, made, name } = instance;
        if (signal.aborted || made || !unreachable || since === null || clock.now() - since < afterMs)
          continue;
        try {
          await engine.loseJobs(instance);
          await removeInstance({ db, fleets }, instance, undefined);
          log.warn("A host was forgotten", { name, unreachable_since: new Date(since).toISOString() });
        } catch (err) {
          // A job has come to it in this very moment, for it is back.
          log.warn("A host could not be forgotten", { name, reason: messageOf(err) });
        }
      }
    },
    failed: (err) => log.error("Looking for hosts to forget failed; it is tried again", { err }),
  });
