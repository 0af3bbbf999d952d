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
import { findProjectByName, listProjectsByIds, type ProjectRow } from "../../store/projects.ts";
import { exportChanged, importDeleted } from "../events/adminEvents.ts";
import type { Caller } from "../runs/checkSpec.ts";
import { checkExportChange } from "./exportChange.ts";
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
  await deps.engine.noteSharing();
  return viewOne(deps, row);
};

const namesOf = (things: readonly { name: string }[]): string[] => things.map(({ name }) => name);

/** Those that are named; of a global export all import, but only these can be taken out. */
const importersOf = async ({ db }: Deps, row: ExportRow): Promise<ProjectRow[]> => {
  const ids = (await listImports(db, [row.id])).map((one) => one.project_id);
  return (await listProjectsByIds(db, ids)).filter((project) => !project.deleted);
};

const idsAmong = (things: readonly { id: string; name: string }[], names: readonly string[]): string[] =>
  things
    .filter(({ name }) => names.some((wanted) => wanted.toLowerCase() === name.toLowerCase()))
    .map(({ id }) => id);

export const updateExport = async (
  deps: Deps,
  caller: Caller,
  request: UpdateExportRequest,
): Promise<Export> => {
  if (request.set_global && request.unset_global)
    throw new AppError("invalid", "Cannot set and unset global at the same time");
  const row = await getExport(deps, caller.project, request.name);
  const { exported_fleets: fleets, exported_gateways: gateways } = await viewOne(deps, row);
  const importers = await importersOf(deps, row);
  const now = {
    isGlobal: row.is_global,
    importers: namesOf(importers),
    fleets: namesOf(fleets),
    gateways: namesOf(gateways),
  };
  checkExportChange(now, request);
  if (request.set_global) requireGlobalAdmin(caller);
  const add = await resolve(deps, caller, {
    importers: request.add_importer_projects,
    fleets: request.add_exported_fleets,
    gateways: request.add_exported_gateways,
  });
  const remove = {
    importers: idsAmong(importers, request.remove_importer_projects),
    fleets: idsAmong(fleets, request.remove_exported_fleets),
    gateways: idsAmong(gateways, request.remove_exported_gateways),
  };
  const isGlobal = request.set_global || request.unset_global ? request.set_global : undefined;
  await writeAll(deps.db, [
    ...changeExport(deps.db, row.id, { isGlobal, add, remove }),
    ...deps.tell([exportChanged(caller.project, { name: row.name, how: "updated" }, caller.user.id)]),
  ]);
  await deps.engine.noteSharing();
  return viewOne(deps, { ...row, is_global: isGlobal ?? row.is_global });
};

export const removeExport = async (deps: Deps, { user, project }: Caller, name: string): Promise<void> => {
  const row = await getExport(deps, project, name);
  await writeAll(deps.db, [
    ...deleteExport(deps.db, row.id),
    ...deps.tell([exportChanged(project, { name, how: "deleted" }, user.id)]),
  ]);
  await deps.engine.noteSharing();
};

/** The project does without what another shares with it by name. */
export const removeImport = async (
  deps: Deps,
  { user, project }: Caller,
  { exportName, exportProject }: { exportName: string; exportProject: string },
): Promise<void> => {
  const owner = await findProjectByName(deps.db, exportProject);
  const row = owner && (await findExportByName(deps.db, owner.id, exportName));
  const own = row && (await listImports(deps.db, [row.id])).find((one) => one.project_id === project.id);
  const name = `${exportProject}/${exportName}`;
  if (row?.is_global && row.project_id !== project.id)
    throw new AppError("conflict", `"${name}" is a global export, which all projects import`, {
      hint: "Only its own project can change that",
    });
  if (!own) throw new AppError("not_found", `Import "${name}" not found in project "${project.name}"`);
  await writeAll(deps.db, [
    deleteImport(deps.db, own.id),
    ...deps.tell([importDeleted(project, name, user.id)]),
  ]);
  await deps.engine.noteSharing();
};
