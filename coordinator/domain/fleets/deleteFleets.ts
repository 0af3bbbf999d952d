import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import { type FleetRow, findFleet, findFleetByName } from "../../store/fleets.ts";
import { listInstancesOfFleets } from "../../store/instanceLists.ts";
import { findInstance, type InstanceRow } from "../../store/instances.ts";
import { listLiveRunsOfFleet } from "../../store/runLists.ts";

/** A refusal because of the runs in a fleet; undefined: there is none. The sentence is the reference's. */
const fleetInUse = async (deps: Pick<Deps, "db">, fleet: FleetRow): Promise<AppError | undefined> => {
  const live = await listLiveRunsOfFleet(deps.db, fleet.id);
  if (live.length === 0) return undefined;
  const own = live.filter(({ projectId }) => projectId === fleet.project_id).map(({ name }) => name);
  const others = live.length - own.length;
  // Runs of others are not this project's to see, nor to stop.
  const hint = [
    ...(own.length > 0 ? [`Stop its runs first: ${own.join(", ")}`] : []),
    ...(others > 0
      ? [`${others} of other projects end when the fleet is not shared with them any more`]
      : []),
  ].join("; ");
  return new AppError("conflict", `Failed to delete fleet ${fleet.name}. Fleet is in use.`, { hint });
};

const joinNames = (rows: readonly InstanceRow[]): string => rows.map(({ name }) => name).join(", ");

/**
 * All of them, or none if one is in use when it is asked; those that are not there are gone already. Instances that a backend made are ended, and the fleet is
 * `terminating` until they are; on hosts that joined by themselves nothing is uninstalled, but they cannot come back.
 */
export const deleteFleets = async (
  deps: Pick<Deps, "db" | "fleets">,
  projectId: string,
  { names, actorId }: { names: string[]; actorId: string },
): Promise<void> => {
  const found = await Promise.all(
    [...new Set(names)].map((name) => findFleetByName(deps.db, projectId, name)),
  );
  const fleets = found.filter((fleet) => fleet !== undefined);
  for (const fleet of fleets) {
    const refusal = await fleetInUse(deps, fleet);
    if (refusal !== undefined) throw refusal;
  }
  for (const fleet of fleets)
    await deps.fleets.withFleet(fleet.id, async () => {
      const rows = await listInstancesOfFleets(deps.db, [fleet.id]);
      const inUse = () => fleetInUse(deps, fleet);
      await deps.fleets.remove(fleet, rows, { isWhole: true, actorId, inUse });
    });
};

/** A refusal because of the jobs there. */
export const hasJob = (busy: readonly InstanceRow[]): AppError | undefined =>
  busy.length > 0
    ? new AppError("conflict", `Instance ${joinNames(busy)} has a running job`, {
        hint: "Stop the run first",
      })
    : undefined;

/** Takes one instance out. Refused while it has a job; one that has been taken out is that. */
export const removeInstance = (
  { fleets, db }: Pick<Deps, "db" | "fleets">,
  { id, fleet_id: fleetId }: Pick<InstanceRow, "id" | "fleet_id">,
  actorId: string | undefined,
): Promise<void> =>
  fleets.withFleet(fleetId, async () => {
    const [fleet, instance] = [await findFleet(db, fleetId), await findInstance(db, id)];
    if (fleet && instance && !instance.deleted)
      await fleets.remove(fleet, [instance], { isWhole: false, actorId, inUse: hasJob });
  });

const instancesInUse = ({ name }: FleetRow, busy: readonly InstanceRow[]): AppError => {
  const numbers = busy.map(({ instance_num: number }) => number).join(", ");
  const message = `Failed to delete fleet ${name} instances [${numbers}]. Fleet instances are in use.`;
  return new AppError("conflict", message, { hint: `Stop the runs on ${joinNames(busy)} first` });
};

/** Numbers that are not there are ignored; one that is in use is refused, and then all of them stay. */
export const deleteFleetInstances = (
  deps: Deps,
  fleet: FleetRow,
  { instanceNums, actorId }: { instanceNums: number[]; actorId: string },
): Promise<void> =>
  deps.fleets.withFleet(fleet.id, async () => {
    const rows = await listInstancesOfFleets(deps.db, [fleet.id]);
    const chosen = rows.filter((row) => instanceNums.includes(row.instance_num));
    const inUse = (busy: readonly InstanceRow[]) =>
      busy.length > 0 ? instancesInUse(fleet, busy) : undefined;
    await deps.fleets.remove(fleet, chosen, { isWhole: false, actorId, inUse });
  });
