import { changeLabels, type LabelChange } from "../../../shared/api/labels.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import type { InstanceRow } from "../../store/instances.ts";
import { getLiveInstance } from "./getInstance.ts";

/** Changes labels of an instance, one change after another: each is of what the one before has left. */
export const labelInstance = async (
  deps: Pick<Deps, "engine" | "fleets">,
  { project_id: projectId, name, fleet_id: fleetId }: InstanceRow,
  { change, actorId }: { change: LabelChange; actorId: string },
): Promise<void> =>
  deps.fleets.withFleet(fleetId, async () => {
    const current = getLiveInstance(deps, projectId, name);
    const labels = changeLabels(current.labels, change);
    if (labels === undefined)
      throw new AppError("invalid", `${name} would have more labels than an instance can have`, {
        hint: "Take some away first: `dstack instance label NAME KEY-`",
      });
    await deps.engine.setLabels(current, labels, { change, actorId });
  });
