import { z } from "zod";
import { listed, Uuid } from "./scalars.ts";

// What projects share with each other (docs/spec/http-api.md §2.13, docs/spec/changes-0.22.md §4).

const Named = z.object({ id: Uuid, name: z.string() });

export const Export = z.object({
  id: Uuid,
  name: z.string(),
  is_global: z.boolean().default(false),
  imports: z.array(z.object({ project_name: z.string() })),
  exported_fleets: z.array(Named),
  exported_gateways: z.array(Named).default([]),
});
export type Export = z.infer<typeof Export>;

/** An export as those see it whom it is for. */
export const Import = z.object({
  id: Uuid,
  export: z.object({
    id: Uuid,
    name: z.string(),
    project_name: z.string(),
    exported_fleets: z.array(Named),
    exported_gateways: z.array(Named).default([]),
  }),
});
export type Import = z.infer<typeof Import>;

/** Since 0.22.0; older clients get the list alone. */
const ExportList = z.object({ exports: z.array(Export), warnings: z.array(z.string()) });
const ImportList = z.object({ imports: z.array(Import), warnings: z.array(z.string()) });
export const ListExportsAnswer = z.union([ExportList, z.array(Export)]);
export const ListImportsAnswer = z.union([ImportList, z.array(Import)]);

const names = listed(z.string()).default([]);

export const CreateExportRequest = z.object({
  name: z.string(),
  is_global: z.boolean().default(false),
  importer_projects: names,
  exported_fleets: names,
  exported_gateways: names,
});
export type CreateExportRequest = z.infer<typeof CreateExportRequest>;

export const UpdateExportRequest = z.object({
  name: z.string(),
  set_global: z.boolean().default(false),
  unset_global: z.boolean().default(false),
  add_importer_projects: names,
  remove_importer_projects: names,
  add_exported_fleets: names,
  remove_exported_fleets: names,
  add_exported_gateways: names,
  remove_exported_gateways: names,
});
export type UpdateExportRequest = z.infer<typeof UpdateExportRequest>;

export const DeleteExportRequest = z.object({ name: z.string() });
export const DeleteImportRequest = z.object({ export_name: z.string(), export_project_name: z.string() });
