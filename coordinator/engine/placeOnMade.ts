import type { Clock } from "../../shared/clock.ts";
import { instanceMade } from "../domain/events/instanceEvents.ts";
import { jobAssigned } from "../domain/events/jobEvents.ts";
import { wholeOf } from "../domain/instances/occupancy.ts";
import type { Db } from "../store/db.ts";
import { type InstanceRow, insertInstance } from "../store/instances.ts";
import { patchRun, type RunRow } from "../store/runs.ts";
import type { SubmissionRow } from "../store/submissions.ts";
import type { Capacity } from "./capacity.ts";
import { type Changes, merge } from "./changes.ts";
import type { Engine } from "./engine.ts";
import { jobMove, runMove } from "./moves.ts";

interface PlaceOnMadeDeps {
  db: Db;
  clock: Clock;
  capacity: Capacity;
  engine: Pick<Engine, "addInstance">;
}

/**
 * Places a job on an instance that is yet to be made: it holds all of it, so that nobody else comes there first, and
 * begins when it has joined (settlePlaces.ts).
 */
export const placeOnMade = (
  { db, clock, capacity, engine }: PlaceOnMadeDeps,
  {
    run,
    submission,
    row,
    fleetName,
  }: {
    run: RunRow;
    submission: SubmissionRow;
    row: InstanceRow;
    fleetName: string;
  },
): Changes => {
  const job = { ...submission, project_id: run.project_id };
  const patch = { instance_id: row.id, last_processed_at: clock.now() };
  const take = () => {
    engine.addInstance(row, fleetName);
    capacity.restore(row.id, submission.id, wholeOf({ instance: row }));
  };
  return merge([
    {
      statements: [insertInstance(db, row)],
      events: [instanceMade(row, "job submission"), ...jobAssigned(job, row, { busy: 1, total: 1 })],
      effects: [take],
    },
    jobMove(db, job, { to: "provisioning", patch }),
  ]);
};

/** From its first job on, a run stays in that fleet. */
export const bindRun = (
  { db, clock }: Pick<PlaceOnMadeDeps, "db" | "clock">,
  run: RunRow,
  fleetId: string,
): Changes => {
  const patch = { fleet_id: fleetId, last_processed_at: clock.now() };
  return run.status === "submitted"
    ? runMove(db, run, { to: "provisioning", patch })
    : { statements: [patchRun(db, run.id, patch)], effects: [] };
};
