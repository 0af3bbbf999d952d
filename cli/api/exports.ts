import type { CreateExportRequest, Export, Import, UpdateExportRequest } from "../../shared/api/exports.ts";
import { answerOf, hasKeys, isListOf, isText } from "./answer.ts";
import { type Api, post, postForNothing, type RequestOptions } from "./client.ts";

const named = isListOf(hasKeys({ name: isText }));
const isExport = hasKeys({ id: isText, name: isText, exported_fleets: named });
const isImport = hasKeys({
  id: isText,
  export: hasKeys({ name: isText, project_name: isText, exported_fleets: named }),
});

/** Servers before 0.22.0 answer with the list alone. */
interface ExportList {
  readonly exports: readonly Export[];
  readonly warnings: readonly string[];
}

interface ImportList {
  readonly imports: readonly Import[];
  readonly warnings: readonly string[];
}

export const listExports = async (api: Api, options: RequestOptions = {}): Promise<ExportList> => {
  const answer = answerOf<ExportList | readonly Export[]>((value, path) =>
    (Array.isArray(value) ? isListOf(isExport) : hasKeys({ exports: isListOf(isExport) }))(value, path),
  );
  const found = await post(api, { ...options, path: `${api.project}/exports/list`, answer });
  return "exports" in found ? found : { exports: found, warnings: [] };
};

export const listImports = async (api: Api, options: RequestOptions = {}): Promise<ImportList> => {
  const answer = answerOf<ImportList | readonly Import[]>((value, path) =>
    (Array.isArray(value) ? isListOf(isImport) : hasKeys({ imports: isListOf(isImport) }))(value, path),
  );
  const found = await post(api, { ...options, path: `${api.project}/imports/list`, answer });
  return "imports" in found ? found : { imports: found, warnings: [] };
};

export const createExport = (api: Api, body: CreateExportRequest): Promise<Export> =>
  post(api, { path: `${api.project}/exports/create`, body, answer: answerOf<Export>(isExport) });

export const updateExport = (api: Api, body: UpdateExportRequest): Promise<Export> =>
  post(api, { path: `${api.project}/exports/update`, body, answer: answerOf<Export>(isExport) });

export const deleteExport = (api: Api, name: string): Promise<void> =>
  postForNothing(api, `${api.project}/exports/delete`, { name });

export const deleteImport = (
  api: Api,
  { project, name }: { readonly project: string; readonly name: string },
): Promise<void> =>
  postForNothing(api, `${api.project}/imports/delete`, {
    export_name: name,
    export_project_name: project,
  });
