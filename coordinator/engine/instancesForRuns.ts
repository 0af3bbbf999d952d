import type { Clock } from "../../shared/clock.ts";
import { chooseFleets, type FleetChoice, type Newcomers } from "../domain/fleets/runFleets.ts";
import { newMadeRow } from "../domain/instances/madeRow.ts";
import type { Db } from "../store/db.ts";
import type { TellEvents } from "../store/events.ts";
import { type FleetRow, findFleet, listLiveFleets } from "../store/fleets.ts";
import { listInstancesOfFleets } from "../store/instanceLists.ts";
import { lastInstanceNum } from "../store/instances.ts";
import type { MadeOffer } from "../store/madeInstance.ts";
import type { RunRow } from "../store/runs.ts";
import type { SubmissionRow } from "../store/submissions.ts";
import type { Capacity } from "./capacity.ts";
import { commit, merge } from "./changes.ts";
import type { Engine } from "./engine.ts";
import { bindRun, placeOnMade } from "./placeOnMade.ts";

export interface InstancesForRunsDeps {
  db: Db;
  tell: TellEvents;
  clock: Clock;
  capacity: Capacity;
  engine: Pick<Engine, "addInstance">;
  listOffers(): Promise<MadeOffer[]>;
  withFleet<T>(fleetId: string, work: () => Promise<T>): Promise<T>;
}

/** What instances could be made as for a job of such a run, the cheapest first. */
export const listOffersFor = async (
  deps: InstancesForRunsDeps,
  projectId: string,
  newcomers: Omit<Newcomers, "viewer">,
): Promise<MadeOffer[]> => {
  const fleets = await usableFleets(deps, projectId);
  const viewer = deps.capacity.sharing.viewer(projectId);
  const choices = chooseFleets(fleets, await deps.listOffers(), { ...newcomers, viewer });
  const all = choices.flatMap(({ offers }) => offers.flat());
  return [...new Map(all.map((offer) => [JSON.stringify(offer), offer])).values()].sort(
    (a, b) => a.price - b.price,
  );
};

/** Has an instance made for each job of a replica, which is placed there before it is; false: no fleet can. */
export const makeForRun = async (
  deps: InstancesForRunsDeps,
  run: RunRow,
  submissions: readonly SubmissionRow[],
): Promise<boolean> => {
  const fleets = await usableFleets(deps, run.project_id);
  const viewer = deps.capacity.sharing.viewer(run.project_id);
  const jobSpecs = submissions.map((submission) => submission.job_spec);
  const newcomers = { spec: run.spec, jobSpecs, fleetId: run.fleet_id, viewer };
  for (const choice of chooseFleets(fleets, await deps.listOffers(), newcomers))
    if (await deps.withFleet(choice.fleet.id, () => makeThere(deps, choice, { run, submissions })))
      return true;
  return false;
};

/** The project's own, and what others share with it. */
const usableFleets = async ({ db, capacity }: InstancesForRunsDeps, projectId: string): Promise<FleetRow[]> =>
  (await listLiveFleets(db)).filter(({ id, project_id }) =>
    capacity.sharing.mayUse(projectId, { project_id, fleet_id: id }),
  );

const makeThere = async (
  deps: InstancesForRunsDeps,
  { fleet: { id }, offers, idleDurationS }: FleetChoice,
  { run, submissions }: { run: RunRow; submissions: readonly SubmissionRow[] },
): Promise<boolean> => {
  const { db, clock } = deps;
  const fleet = await findFleet(db, id);
  const max = fleet?.spec.configuration.nodes?.max ?? Number.POSITIVE_INFINITY;
  const present = (await listInstancesOfFleets(db, [id])).filter(({ status }) => status !== "terminating");
  if (fleet?.status !== "active" || present.length + submissions.length > max) return false;
  const first = (await lastInstanceNum(db, id)) + 1;
  const placed = submissions.map((submission, rank) => {
    const forJob = offers[rank] ?? [];
    const row = newMadeRow(fleet, first + rank, { now: clock.now(), idleDurationS, forJob });
    return placeOnMade(deps, { run, submission, row, fleetName: fleet.name });
  });
  await commit(deps, merge([...placed, bindRun(deps, run, id)]));
  return true;
};
