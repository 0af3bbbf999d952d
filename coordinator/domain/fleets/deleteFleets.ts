import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import { type FleetRow, findFleetByName, markFleetDeleted } from "../../store/fleets.ts";
import { listInstancesOfFleets } from "../../store/instanceLists.ts";
import { revokeJoinTokensOfFleet } from "../../store/joinTokens.ts";
import { listLiveRunNames } from "../../store/runLists.ts";
import { fleetEnded } from "../events/instanceEvents.ts";

export const getFleetByName = async (deps: Deps, projectId: string, name: string): Promise<FleetRow> => {
  const fleet = await findFleetByName(deps.db, projectId, name);
  if (!fleet) throw new AppError("not_found", "Resource not found");
  return fleet;
};

const requireUnused = async (deps: Deps, fleet: FleetRow): Promise<void> => {
  const names = await listLiveRunNames(deps.db, fleet.id);
  if (names.length > 0)
    throw new AppError("conflict", `Fleet "${fleet.name}" is in use by ${names.join(", ")}`, {
      hint: "Stop the runs first",
    });
};

/** All of them, or none if one is in use. Nothing is uninstalled on the hosts, but they cannot come back. */
export const deleteFleets = async (
  deps: Deps,
  projectId: string,
  { names, actorId }: { names: string[]; actorId: string },
): Promise<void> => {
  const fleets = await Promise.all(names.map((name) => getFleetByName(deps, projectId, name)));
  for (const fleet of fleets) await requireUnused(deps, fleet);
  for (const fleet of fleets) {
    const instances = await listInstancesOfFleets(deps.db, [fleet.id]);
    // In one transaction with the end of its instances: nobody may join a fleet that is gone.
    await deps.engine.terminateInstances(
      instances.map((instance) => instance.id),
      {
        actorId,
        also: {
          statements: [revokeJoinTokensOfFleet(deps.db, fleet.id), markFleetDeleted(deps.db, fleet.id)],
          events: fleetEnded(fleet, actorId),
        },
      },
    );
  }
};

/** Numbers that are not there are ignored; one that is in use is refused, and then all of them stay. */
export const deleteFleetInstances = async (
  deps: Deps,
  fleet: FleetRow,
  { instanceNums, actorId }: { instanceNums: number[]; actorId: string },
): Promise<void> => {
  const instances = await listInstancesOfFleets(deps.db, [fleet.id]);
  const chosen = instances.filter((instance) => instanceNums.includes(instance.instance_num));
  await deps.engine.terminateInstances(
    chosen.map((instance) => instance.id),
    { actorId },
  );
};
