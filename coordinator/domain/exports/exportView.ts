import { createHash } from "node:crypto";
import type { Export, Import } from "../../../shared/api/exports.ts";
import type { Deps } from "../../deps.ts";
import { type ExportRow, type ImportRow, listExportedThings, listImports } from "../../store/exports.ts";
import { listFleetsByIds } from "../../store/fleets.ts";
import { listGatewaysByIds } from "../../store/gateways.ts";
import { listAllProjects, listProjectsByIds, type ProjectRow } from "../../store/projects.ts";

type Reading = Pick<Deps, "db">;

const byName = (a: { name: string }, b: { name: string }): number => a.name.localeCompare(b.name);
const named = ({ id, name }: { id: string; name: string }) => ({ id, name });

/** What of it is still there, by export. */
const thingsOf = async ({ db }: Reading, rows: ExportRow[]) => {
  const things = await listExportedThings(
    db,
    rows.map((row) => row.id),
  );
  const idsOf = (kind: "fleet" | "gateway") => [
    ...new Set(things.filter((thing) => thing.kind === kind).map((thing) => thing.thing_id)),
  ];
  const fleets = (await listFleetsByIds(db, idsOf("fleet"))).filter((fleet) => !fleet.deleted);
  const gateways = await listGatewaysByIds(db, idsOf("gateway"));
  return (exportId: string) => {
    const ids = new Set(
      things.filter((thing) => thing.export_id === exportId).map((thing) => thing.thing_id),
    );
    const ofExport = (all: readonly { id: string; name: string }[]) =>
      all
        .filter(({ id }) => ids.has(id))
        .map(named)
        .sort(byName);
    return { exported_fleets: ofExport(fleets), exported_gateways: ofExport(gateways) };
  };
};

/** All there are, where something is shared with all. */
const importingProjects = async (
  { db }: Reading,
  rows: readonly ExportRow[],
  importers: readonly ImportRow[],
): Promise<ProjectRow[]> => {
  if (rows.some((row) => row.is_global)) return listAllProjects(db, {});
  const ids = [...new Set(importers.map((row) => row.project_id))];
  return (await listProjectsByIds(db, ids)).filter((project) => !project.deleted);
};

export const viewExports = async (deps: Reading, rows: ExportRow[]): Promise<Export[]> => {
  const importers = await listImports(
    deps.db,
    rows.map((row) => row.id),
  );
  const projects = await importingProjects(deps, rows, importers);
  const things = await thingsOf(deps, rows);
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    is_global: row.is_global,
    imports: projects
      .filter(({ id }) =>
        row.is_global
          ? id !== row.project_id
          : importers.some((one) => one.export_id === row.id && one.project_id === id),
      )
      .sort(byName)
      .map(({ name }) => ({ project_name: name })),
    ...things(row.id),
  }));
};

/** What is shared with every project has no row for each: its id follows from the two. */
const idOfGlobal = (exportId: string, projectId: string): string => {
  const hex = createHash("sha256").update(`${exportId} ${projectId}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};

/** As people of the project see them that it is shared with. */
export const viewImports = async (deps: Reading, projectId: string, rows: ExportRow[]): Promise<Import[]> => {
  const own = (
    await listImports(
      deps.db,
      rows.map((row) => row.id),
    )
  ).filter((row) => row.project_id === projectId);
  const projects = await listProjectsByIds(deps.db, [...new Set(rows.map((row) => row.project_id))]);
  const names = new Map(projects.map((project) => [project.id, project.name]));
  const things = await thingsOf(deps, rows);
  return rows.map((row) => ({
    id: own.find(({ export_id }) => export_id === row.id)?.id ?? idOfGlobal(row.id, projectId),
    export: {
      id: row.id,
      name: row.name,
      project_name: names.get(row.project_id) ?? "",
      ...things(row.id),
    },
  }));
};
