import type { AppError } from "../../shared/errors.ts";
import { isFinalJob } from "../../shared/states.ts";
import { fleetMoved } from "../domain/events/instanceEvents.ts";
import type { Db } from "../store/db.ts";
import { type FleetRow, moveFleet } from "../store/fleets.ts";
import type { InstanceRow } from "../store/instances.ts";
import { revokeJoinTokensOfFleet } from "../store/joinTokens.ts";
import { listHeldSubmissions, patchSubmission } from "../store/submissions.ts";
import { type Changes, commit, merge, NOTHING } from "./changes.ts";
import { changeInstance, type InstanceChangeDeps } from "./fleetChanges.ts";
import type { Scheduler } from "./scheduler.ts";

export interface Removal {
  rows: readonly InstanceRow[];
  /** The fleet goes with them. */
  isWhole: boolean;
  actorId: string | undefined;
  /** Why it may not be, given those of the instances that have jobs; undefined: it may. Asked once nothing new can come. */
  inUse: (busy: readonly InstanceRow[]) => AppError | undefined | Promise<AppError | undefined>;
  /** What comes in their place, in the same transaction: whoever takes a host out to have it back never only loses it. */
  also?: Changes;
}

/**
 * Takes instances out for good, or the whole fleet with them; within the fleet's turn. Refused while one of them has a job;
 * then all of them stay.
 */
export const takeOut = async (
  deps: InstanceChangeDeps & { scheduler: Scheduler },
  fleet: FleetRow,
  { rows, isWhole, actorId, inUse, also = NOTHING }: Removal,
): Promise<void> => {
  const { db, capacity, scheduler } = deps;
  const isOccupied = (id: string) => (capacity.get(id)?.occupants.size ?? 0) > 0;
  // A job may have come or gone since the rows were read.
  const present = rows.map((row) => ({
    ...row,
    status: capacity.get(row.id)?.instance.status ?? row.status,
  }));
  // From here on nothing is placed there, so that what is free stays free.
  for (const { id } of rows) capacity.update(id, { status: "terminating" });
  try {
    const refusal = await inUse(rows.filter(({ id }) => isOccupied(id)));
    if (refusal !== undefined) throw refusal;
    const end = { event: { kind: "end", reason: "terminated_by_user" }, actorId } as const;
    const joined = present.filter(({ made }) => !made);
    const lost = await Promise.all(joined.map((row) => withoutOutput(db, row)));
    const ends = present.map((row) => changeInstance(deps, row, end));
    await commit(deps, merge([...(isWhole ? [leaving(db, fleet, actorId)] : []), ...ends, ...lost, also]));
  } catch (err) {
    for (const { id, status } of present) {
      const isUp = status === "idle" || status === "busy";
      capacity.update(id, { status: isUp ? (isOccupied(id) ? "busy" : "idle") : status });
    }
    scheduler.pump();
    throw err;
  }
};

/** Nobody sends any more what is not here of the output of jobs on an instance that is gone. */
export const withoutOutput = async (db: Db, { id }: InstanceRow): Promise<Changes> => {
  const over = (await listHeldSubmissions(db, id)).filter(({ status }) => isFinalJob(status));
  const patch = { log_complete: true, log_bytes: null };
  return { statements: over.map((job) => patchSubmission(db, job.id, patch)), effects: [] };
};

/** Nobody may join a fleet that is on its way out. */
const leaving = (db: Db, fleet: FleetRow, actorId: string | undefined): Changes => ({
  statements: [
    revokeJoinTokensOfFleet(db, fleet.id),
    moveFleet(db, fleet.id, { to: "terminating", patch: {} }),
  ],
  events: [fleetMoved(fleet, "terminating", actorId)],
  effects: [],
});
