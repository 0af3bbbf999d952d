import type { CreateExportRequest, Export, UpdateExportRequest } from "../../../shared/api/exports.ts";
import { RESOURCE_NAME } from "../../../shared/api/scalars.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import { writeAll } from "../../store/db.ts";
import {
  changeExport,
  deleteExport,
  deleteImport,
  type ExportParts,
  type ExportRow,
  findExportByName,
  insertExport,
  listImports,
} from "../../store/exports.ts";
import { findFleetByName } from "../../store/fleets.ts";
import { findGatewayByName } from "../../store/gateways.ts";
import { findRole } from "../../store/members.ts";
import { findProjectByName, type ProjectRow } from "../../store/projects.ts";
import { exportChanged, importDeleted } from "../events/adminEvents.ts";
import type { Caller } from "../runs/checkSpec.ts";
import { viewExports } from "./exportView.ts";

const viewOne = async (deps: Deps, row: ExportRow): Promise<Export> => {
  const [view] = await viewExports(deps, [row]);
  if (!view) throw new Error(`Export ${row.id} has no view`);
  return view;
};

const getExport = async ({ db }: Deps, project: ProjectRow, name: string): Promise<ExportRow> => {
  const row = await findExportByName(db, project.id, name);
  if (!row) throw new AppError("not_found", `Export "${name}" not found in project "${project.name}"`);
  return row;
};

/** Only global admins share with everybody. */
const requireGlobalAdmin = ({ user }: Caller): void => {
  if (user.global_role !== "admin")
    throw new AppError("forbidden", "Access denied: only global admins can export to all projects");
};

/** The ids of what is named; `not_found` where there is no such thing in the project. */
const idsOf = (
  what: string,
  names: readonly string[],
  find: (name: string) => Promise<{ id: string } | undefined>,
): Promise<string[]> =>
  Promise.all(
    [...new Set(names)].map(async (name) => {
      const found = await find(name);
      if (!found) throw new AppError("not_found", `${what} "${name}" not found`);
      return found.id;
    }),
  );

/** Other projects to share with. Nothing is forced on a project, nor is its name told, by who is no admin of it. */
const importerIds = (deps: Deps, { user, project }: Caller, names: readonly string[]): Promise<string[]> =>
  idsOf("Project", names, async (name) => {
    const found = await findProjectByName(deps.db, name);
    if (found?.id === project.id)
      throw new AppError("invalid", `Project "${project.name}" cannot import from itself`);
    const isAdmin =
      user.global_role === "admin" || (found && (await findRole(deps.db, found.id, user.id)) === "admin");
    return isAdmin ? found : undefined;
  });

interface Named {
  importers: readonly string[];
  fleets: readonly string[];
  gateways: readonly string[];
}

const resolve = async (deps: Deps, caller: Caller, named: Named): Promise<ExportParts> => {
  const { id } = caller.project;
  return {
    importers: await importerIds(deps, caller, named.importers),
    fleets: await idsOf("Fleet", named.fleets, (name) => findFleetByName(deps.db, id, name)),
    gateways: await idsOf("Gateway", named.gateways, (name) => findGatewayByName(deps.db, id, name)),
  };
};

export const createExport = async (
  deps: Deps,
  caller: Caller,
  request: CreateExportRequest,
): Promise<Export> => {
  if (!RESOURCE_NAME.test(request.name))
    throw new AppError("invalid", `Resource name should match regex '${RESOURCE_NAME.source}'`);
  if (request.is_global) requireGlobalAdmin(caller);
  const parts = await resolve(deps, caller, {
    importers: request.importer_projects,
    fleets: request.exported_fleets,
    gateways: request.exported_gateways,
  });
  const row: ExportRow = {
    id: crypto.randomUUID(),
    project_id: caller.project.id,
    name: request.name,
    is_global: request.is_global,
    created_at: deps.clock.now(),
  };
  const also = deps.tell([exportChanged(caller.project, { name: row.name, how: "created" }, caller.user.id)]);
  await insertExport(deps.db, row, { parts, also });
  return viewOne(deps, row);
};

/** What the names to be taken out mean: only what is in the export can be. */
const resolveRemoved = async (
  { db }: Deps,
  { imports, exported_fleets, exported_gateways }: Export,
  named: Named,
): Promise<ExportParts> => {
  const among = (all: readonly { id: string; name: string }[]) => async (name: string) =>
    all.find((one) => one.name === name);
  const importers = imports.map(({ project_name }) => project_name.toLowerCase());
  return {
    importers: await idsOf("Importer project", named.importers, async (name) =>
      importers.includes(name.toLowerCase()) ? findProjectByName(db, name) : undefined,
    ),
    fleets: await idsOf("Exported fleet", named.fleets, among(exported_fleets)),
    gateways: await idsOf("Exported gateway", named.gateways, among(exported_gateways)),
  };
};

export const updateExport = async (
  deps: Deps,
  caller: Caller,
  request: UpdateExportRequest,
): Promise<Export> => {
  const row = await getExport(deps, caller.project, request.name);
  if (request.set_global && request.unset_global)
    throw new AppError("invalid", "set_global and unset_global exclude each other");
  if (request.set_global) requireGlobalAdmin(caller);
  const add = await resolve(deps, caller, {
    importers: request.add_importer_projects,
    fleets: request.add_exported_fleets,
    gateways: request.add_exported_gateways,
  });
  const remove = await resolveRemoved(deps, await viewOne(deps, row), {
    importers: request.remove_importer_projects,
    fleets: request.remove_exported_fleets,
    gateways: request.remove_exported_gateways,
  });
  const isGlobal = request.set_global || request.unset_global ? request.set_global : undefined;
  await writeAll(deps.db, [
    ...changeExport(deps.db, row.id, { isGlobal, add, remove }),
    ...deps.tell([exportChanged(caller.project, { name: row.name, how: "updated" }, caller.user.id)]),
  ]);
  return viewOne(deps, { ...row, is_global: isGlobal ?? row.is_global });
};

export const removeExport = async (deps: Deps, { user, project }: Caller, name: string): Promise<void> => {
  const row = await getExport(deps, project, name);
  await writeAll(deps.db, [
    ...deleteExport(deps.db, row.id),
    ...deps.tell([exportChanged(project, { name, how: "deleted" }, user.id)]),
  ]);
};

/** The project does without what another shares with it by name. */
export const removeImport = async (
  deps: Deps,
  { user, project }: Caller,
  { exportName, exportProject }: { exportName: string; exportProject: string },
): Promise<void> => {
  const owner = await findProjectByName(deps.db, exportProject);
  const row = owner && (await findExportByName(deps.db, owner.id, exportName));
  const [own] = row
    ? (await listImports(deps.db, [row.id])).filter((one) => one.project_id === project.id)
    : [];
  if (!row || (!own && !row.is_global))
    throw new AppError("not_found", `Import "${exportProject}/${exportName}" not found`);
  if (!own)
    throw new AppError("conflict", `Export "${exportProject}/${exportName}" is for all projects`, {
      hint: "Only its own project can change that",
    });
  await writeAll(deps.db, [
    deleteImport(deps.db, own.id),
    ...deps.tell([importDeleted(project, `${exportProject}/${exportName}`, user.id)]),
  ]);
};
