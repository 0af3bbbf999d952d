import {
  CreateExportRequest,
  DeleteExportRequest,
  DeleteImportRequest,
  Export,
  ListExportsAnswer,
  ListImportsAnswer,
  UpdateExportRequest,
} from "../../shared/api/exports.ts";
import { viewExports, viewImports } from "../domain/exports/exportView.ts";
import { createExport, removeExport, removeImport, updateExport } from "../domain/exports/manageExports.ts";
import { listExports, listExportsFor } from "../store/exports.ts";
import { isBefore } from "./clientVersion.ts";
import { NOTHING, projectRoute, type Route } from "./route.ts";

export const exportRoutes: Route[] = [
  projectRoute({
    path: "/api/project/:project/exports/list",
    summary: "What the project shares with others",
    tag: "exports",
    access: "member",
    answer: ListExportsAnswer,
    handle: async ({ c, deps, project }) => {
      const exports = await viewExports(deps, await listExports(deps.db, project.id));
      return isBefore(c.get("clientVersion"), [0, 22, 0]) ? exports : { exports, warnings: [] };
    },
  }),
  projectRoute({
    path: "/api/project/:project/exports/create",
    summary: "Share fleets and gateways with other projects",
    tag: "exports",
    access: "padmin",
    body: CreateExportRequest,
    answer: Export,
    handle: ({ deps, user, project, body }) => createExport(deps, { user, project }, body),
  }),
  projectRoute({
    path: "/api/project/:project/exports/update",
    summary: "Change what is shared, and with whom",
    tag: "exports",
    access: "padmin",
    body: UpdateExportRequest,
    answer: Export,
    handle: ({ deps, user, project, body }) => updateExport(deps, { user, project }, body),
  }),
  projectRoute({
    path: "/api/project/:project/exports/delete",
    summary: "Share no more",
    tag: "exports",
    access: "padmin",
    body: DeleteExportRequest,
    answer: NOTHING,
    handle: ({ deps, user, project, body }) => removeExport(deps, { user, project }, body.name),
  }),
  projectRoute({
    path: "/api/project/:project/imports/list",
    summary: "What other projects share with this one",
    tag: "exports",
    access: "member",
    answer: ListImportsAnswer,
    handle: async ({ c, deps, project }) => {
      const imports = await viewImports(deps, project.id, await listExportsFor(deps.db, project.id));
      return isBefore(c.get("clientVersion"), [0, 22, 0]) ? imports : { imports, warnings: [] };
    },
  }),
  projectRoute({
    path: "/api/project/:project/imports/delete",
    summary: "Do without what another project shares",
    tag: "exports",
    access: "padmin",
    body: DeleteImportRequest,
    answer: NOTHING,
    handle: ({ deps, user, project, body }) => {
      const { export_name: exportName, export_project_name: exportProject } = body;
      return removeImport(deps, { user, project }, { exportName, exportProject });
    },
  }),
];
