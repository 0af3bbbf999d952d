import type { ApplyFleetPlanRequest, Fleet, FleetSpec } from "../../../shared/api/fleets.ts";
import { isUpdatable } from "../../../shared/config/diff.ts";
import { diffFleets } from "../../../shared/config/fleetDiff.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import { writeAll } from "../../store/db.ts";
import { type FleetRow, findFleet, findFleetByName, insertFleet, patchFleet } from "../../store/fleets.ts";
import { fleetCreated, fleetUpdated } from "../events/instanceEvents.ts";
import type { Caller } from "../runs/checkSpec.ts";
import { newName } from "../runs/runNames.ts";
import { checkFleetSpec } from "./fleetSpec.ts";
import { viewFleets } from "./fleetView.ts";

/**
 * Makes a fleet, or changes the one of the same name where it can go on as it is. Unless forced, that one must be what
 * the plan was made for (`conflict`).
 */
export const applyFleet = async (
  deps: Deps,
  { user, project }: Caller,
  { plan, force }: ApplyFleetPlanRequest,
): Promise<Fleet> => {
  checkFleetSpec(plan.spec);
  const isTaken = (name: string) => findFleetByName(deps.db, project.id, name);
  const name = plan.spec.configuration.name ?? (await newName(isTaken));
  const spec = { ...plan.spec, configuration: { ...plan.spec.configuration, name } };
  const present = await findFleetByName(deps.db, project.id, name);
  const id = present
    ? await updateFleet(deps, present, {
        spec,
        planned: force ? undefined : plan.current_resource,
        actorId: user.id,
      })
    : await createFleet(deps, { user, project }, spec);
  const row = await findFleet(deps.db, id);
  const [view] = row ? await viewFleets(deps, [row], new Map([[project.id, project.name]])) : [];
  if (!view) throw new Error(`Fleet ${id} is gone right after it was applied`);
  return view;
};

const createFleet = async (deps: Deps, { user, project }: Caller, spec: FleetSpec): Promise<string> => {
  const { name, nodes } = spec.configuration;
  if (name === null) throw new Error("The fleet has got no name");
  const row: FleetRow = {
    id: crypto.randomUUID(),
    project_id: project.id,
    name,
    spec,
    status: "active",
    attempts: 0,
    next_attempt_at: null,
    master_id: null,
    created_at: deps.clock.now(),
    deleted: false,
  };
  await deps.fleets.withFleet(row.id, async () => {
    await insertFleet(deps.db, row, deps.tell([fleetCreated(row, user.id)]));
    // Later it is only kept at `min`.
    if (nodes && deps.fleets.hasBackend) await deps.fleets.make(row, nodes.target ?? nodes.min, user.id);
  });
  return row.id;
};

const updateFleet = async (
  deps: Deps,
  present: FleetRow,
  { spec, planned, actorId }: { spec: FleetSpec; planned: Fleet | null | undefined; actorId: string },
): Promise<string> => {
  const { name, id } = present;
  if (planned !== undefined && !(planned?.id === id && diffFleets(present.spec, planned.spec).length === 0))
    throw new AppError("conflict", `Fleet "${name}" is not the one that the plan was made for`, {
      hint: "Apply again, or with --force",
    });
  await deps.fleets.withFleet(id, async () => {
    const current = await findFleet(deps.db, id);
    if (!current || current.deleted || current.status !== "active")
      throw new AppError("conflict", `Fleet "${name}" is being deleted`, {
        hint: "Apply again when it is gone",
      });
    const changes = diffFleets(current.spec, spec);
    if (!isUpdatable(changes))
      throw new AppError("conflict", `Fleet "${name}" cannot be changed so in place`, {
        hint: "Delete it first",
      });
    const changed = changes.map(({ field, property }) => property ?? field);
    await writeAll(deps.db, [
      patchFleet(deps.db, id, { spec, attempts: 0, next_attempt_at: null }),
      ...deps.tell([fleetUpdated(current, changed, actorId)]),
    ]);
  });
  return id;
};
