import type {
  ApplyGatewayPlanRequest,
  Gateway,
  GatewayPlan,
  GatewaySpec,
} from "../../../shared/api/gateways.ts";
import { checkGateway, GATEWAY_BACKENDS } from "../../../shared/config/checkGateway.ts";
import { isUpdatable } from "../../../shared/config/diff.ts";
import type { Difference } from "../../../shared/config/difference.ts";
import type { GatewayConfiguration } from "../../../shared/config/gateway.ts";
import { diffGateways } from "../../../shared/config/gatewayDiff.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import { type Statement, writeAll } from "../../store/db.ts";
import {
  clearDefaultGateway,
  findDefaultGateway,
  findGatewayByName,
  type GatewayRow,
  insertGateway,
  setDefaultGateway,
  setGatewayConfiguration,
} from "../../store/gateways.ts";
import { checkConfigured } from "../backends/checkConfigured.ts";
import { requireCloud, requireCloudType } from "../backends/clouds.ts";
import { gatewayCreated, gatewayMadeDefault, gatewayUpdated } from "../events/cloudResourceEvents.ts";
import type { Caller } from "../runs/checkSpec.ts";
import { newName } from "../runs/runNames.ts";
import { viewOneGateway } from "./findGateways.ts";

type GatewayDeps = Pick<Deps, "db" | "tell" | "clock" | "clouds"> & {
  cloudResources: Pick<Deps["cloudResources"], "wake">;
};

const check = ({ clouds }: GatewayDeps, { project }: Caller, configuration: GatewayConfiguration): void => {
  // What cannot be had at all is told first, as by the reference.
  if (GATEWAY_BACKENDS.includes(configuration.backend)) requireCloudType(clouds, configuration.backend);
  checkConfigured(configuration, checkGateway);
  requireCloud(clouds, project.id, configuration.backend);
};

/** What would happen; `spec` as it was sent. */
export const planGateway = async (
  deps: GatewayDeps,
  caller: Caller,
  spec: GatewaySpec,
): Promise<GatewayPlan> => {
  check(deps, caller, spec.configuration);
  const { user, project } = caller;
  const { name } = spec.configuration;
  const row = name === null ? undefined : await findGatewayByName(deps.db, project.id, name);
  const current = row ? await viewOneGateway(deps, project, row) : null;
  const changes = current ? diffGateways(current.configuration, spec.configuration) : [];
  return {
    project_name: project.name,
    user: user.username,
    spec,
    effective_spec: spec,
    current_resource: current,
    action: current && current.status !== "failed" && isUpdatable(changes) ? "update" : "create",
  };
};

/** Makes a gateway, or changes the one of that name; unless forced, that one must be the plan's (`conflict`). */
export const applyGateway = async (
  deps: GatewayDeps,
  caller: Caller,
  { plan, force }: ApplyGatewayPlanRequest,
): Promise<Gateway> => {
  const { configuration } = plan.spec;
  check(deps, caller, configuration);
  const { name } = configuration;
  const row = name === null ? undefined : await findGatewayByName(deps.db, caller.project.id, name);
  if (!row) return createGateway(deps, caller, configuration);
  const current = await viewOneGateway(deps, caller.project, row);
  const planned = plan.current_resource;
  const isAsPlanned =
    planned?.id === current.id && diffGateways(current.configuration, planned.configuration).length === 0;
  if (!force && !isAsPlanned)
    throw new AppError("conflict", `Gateway "${row.name}" is not the one that the plan was made for`, {
      hint: "Apply again, or with --force",
    });
  return updateGateway(deps, caller, { row, current, configuration });
};

/** Refused (`exists`) where the name is taken. */
export const createGateway = async (
  deps: GatewayDeps,
  caller: Caller,
  configuration: GatewayConfiguration,
): Promise<Gateway> => {
  check(deps, caller, configuration);
  const { user, project } = caller;
  const { default: wantsDefault, ...rest } = configuration;
  const name = rest.name ?? (await newName((one) => findGatewayByName(deps.db, project.id, one)));
  const row: GatewayRow = {
    id: crypto.randomUUID(),
    project_id: project.id,
    name,
    configuration: { ...rest, name },
    status: "submitted",
    status_message: null,
    created_at: deps.clock.now(),
    deleted: false,
  };
  const isDefault = wantsDefault ?? (await findDefaultGateway(deps.db, project.id)) === undefined;
  await insertGateway(deps.db, row, [
    ...(isDefault ? [setDefaultGateway(deps.db, project.id, row.id)] : []),
    ...deps.tell([gatewayCreated(row, user.id), ...(isDefault ? [gatewayMadeDefault(row, user.id)] : [])]),
  ]);
  deps.cloudResources.wake();
  return viewOneGateway(deps, project, row);
};

const updateGateway = async (
  deps: GatewayDeps,
  { user, project }: Caller,
  { row, current, configuration }: { row: GatewayRow; current: Gateway; configuration: GatewayConfiguration },
): Promise<Gateway> => {
  const changes = diffGateways(current.configuration, configuration);
  if (current.status === "failed" || !isUpdatable(changes))
    throw new AppError("conflict", `Gateway "${row.name}" cannot be changed so in place`, {
      hint: "Delete it first",
    });
  const { default: _asked, ...rest } = configuration;
  const updated = { ...rest, name: row.name };
  await writeAll(deps.db, [
    setGatewayConfiguration(deps.db, row.id, updated),
    ...setDefault(deps, row, { changes, isDefault: configuration.default }),
    ...deps.tell([gatewayUpdated(row, propertiesOf(changes), user.id)]),
  ]);
  return viewOneGateway(deps, project, { ...row, configuration: updated });
};

const propertiesOf = (changes: readonly Difference[]): string[] =>
  changes.map(({ field, property }) => property ?? field);

const setDefault = (
  { db }: Pick<Deps, "db">,
  { id, project_id: projectId }: GatewayRow,
  { changes, isDefault }: { changes: readonly Difference[]; isDefault: boolean | undefined },
): Statement[] => {
  if (!propertiesOf(changes).includes("default")) return [];
  return [isDefault ? setDefaultGateway(db, projectId, id) : clearDefaultGateway(db, projectId)];
};
