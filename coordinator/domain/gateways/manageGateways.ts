import type { Gateway } from "../../../shared/api/gateways.ts";
import { checkGateway } from "../../../shared/config/checkGateway.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import { writeAll } from "../../store/db.ts";
import { listImportedIds } from "../../store/exports.ts";
import {
  findGatewayByName,
  type GatewayRow,
  listGatewaysByNames,
  markGatewaysDeleted,
  setDefaultGateway,
  setGatewayConfiguration,
} from "../../store/gateways.ts";
import { findProjectByName } from "../../store/projects.ts";
import { checkConfigured } from "../backends/checkConfigured.ts";
import { gatewayDeleted, gatewayMadeDefault, gatewayUpdated } from "../events/cloudResourceEvents.ts";
import type { Caller } from "../runs/checkSpec.ts";
import { getGatewayByName, viewOneGateway } from "./findGateways.ts";

/** All of them; those that are not there are gone already, as with the reference. */
export const deleteGateways = async (
  { db, tell }: Pick<Deps, "db" | "tell">,
  { user, project }: Caller,
  names: string[],
): Promise<void> => {
  const rows = await listGatewaysByNames(db, project.id, names);
  if (rows.length === 0) return;
  const ids = rows.map((row) => row.id);
  await writeAll(db, [
    ...markGatewaysDeleted(db, ids),
    ...tell(rows.map((row) => gatewayDeleted(row, user.id))),
  ]);
};

/** The project's own gateway, or one that another project shares with it. */
export const makeDefault = async (
  deps: Deps,
  { user, project }: Caller,
  { name, gatewayProject }: { name: string; gatewayProject: string | null },
): Promise<void> => {
  const isOwn = gatewayProject === null || gatewayProject.toLowerCase() === project.name.toLowerCase();
  const gateway = isOwn
    ? await getGatewayByName(deps, project.id, name)
    : await getImported(deps, project.id, { name, gatewayProject });
  await writeAll(deps.db, [
    setDefaultGateway(deps.db, project.id, gateway.id),
    ...deps.tell([gatewayMadeDefault(gateway, user.id)]),
  ]);
};

const getImported = async (
  { db }: Pick<Deps, "db">,
  projectId: string,
  { name, gatewayProject }: { name: string; gatewayProject: string },
): Promise<GatewayRow> => {
  const owner = await findProjectByName(db, gatewayProject);
  const gateway = owner && (await findGatewayByName(db, owner.id, name));
  if (!gateway || !(await listImportedIds(db, [projectId], "gateway")).includes(gateway.id))
    throw new AppError("not_found", "Resource not found");
  return gateway;
};

export const setWildcardDomain = async (
  deps: Deps,
  { user, project }: Caller,
  { name, domain }: { name: string; domain: string },
): Promise<Gateway> => {
  const row = await getGatewayByName(deps, project.id, name);
  const configuration = { ...row.configuration, domain };
  checkConfigured(configuration, checkGateway);
  await writeAll(deps.db, [
    setGatewayConfiguration(deps.db, row.id, configuration),
    ...deps.tell([gatewayUpdated(row, ["domain"], user.id)]),
  ]);
  return viewOneGateway(deps, project, { ...row, configuration });
};
