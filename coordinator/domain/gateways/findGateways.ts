import type { Gateway } from "../../../shared/api/gateways.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import { listImportedIds } from "../../store/exports.ts";
import {
  findDefaultGateway,
  findGatewayByName,
  type GatewayRow,
  listGateways,
  listGatewaysByIds,
} from "../../store/gateways.ts";
import { listProjectsByIds, type ProjectRow } from "../../store/projects.ts";
import { viewGateway } from "./gatewayView.ts";

export const getGatewayByName = async (
  { db }: Pick<Deps, "db">,
  projectId: string,
  name: string,
): Promise<GatewayRow> => {
  const gateway = await findGatewayByName(db, projectId, name);
  if (!gateway) throw new AppError("not_found", "Resource not found");
  return gateway;
};

/** As people of `viewer` see them: one is the default of that project. */
const viewGateways = async (
  { db }: Pick<Deps, "db">,
  viewer: ProjectRow,
  rows: GatewayRow[],
): Promise<Gateway[]> => {
  const isDefault = await findDefaultGateway(db, viewer.id);
  const projects = await listProjectsByIds(db, [...new Set(rows.map((row) => row.project_id))]);
  const names = new Map(projects.map((project) => [project.id, project.name]));
  return rows.map((row) =>
    viewGateway(row, { projectName: names.get(row.project_id) ?? "", isDefault: row.id === isDefault }),
  );
};

export const viewOneGateway = async (
  deps: Pick<Deps, "db">,
  viewer: ProjectRow,
  row: GatewayRow,
): Promise<Gateway> => {
  const [view] = await viewGateways(deps, viewer, [row]);
  if (!view) throw new Error(`Gateway ${row.id} has no view`);
  return view;
};

/** Those of the project and, if asked for, those that others share with it. */
export const listProjectGateways = async (
  deps: Pick<Deps, "db">,
  project: ProjectRow,
  { withImported }: { withImported: boolean },
): Promise<Gateway[]> => {
  const imported = withImported ? await listImportedIds(deps.db, [project.id], "gateway") : [];
  const rows = [
    ...(await listGateways(deps.db, project.id)),
    ...(await listGatewaysByIds(deps.db, imported)),
  ];
  return viewGateways(deps, project, rows);
};
