import type { UpdateExportRequest } from "../../../shared/api/exports.ts";
import { AppError } from "../../../shared/errors.ts";

/** What an export has, by names. */
export interface ExportContents {
  isGlobal: boolean;
  importers: readonly string[];
  fleets: readonly string[];
  gateways: readonly string[];
}

const refuse = (message: string): never => {
  throw new AppError("invalid", message);
};

const checkGlobal = (
  { isGlobal }: ExportContents,
  { set_global, unset_global }: UpdateExportRequest,
): void => {
  if (set_global && isGlobal) refuse("The export is global already");
  if (unset_global && !isGlobal) refuse("The export is not global");
};

interface ListChange {
  what: string;
  there: readonly string[];
  add: readonly string[];
  remove: readonly string[];
}

const checkList = ({ what, there, add, remove }: ListChange): void => {
  const both = add.find((name) => remove.includes(name));
  if (both !== undefined) refuse(`${what} ${both} cannot be both added and removed`);
  const known = add.find((name) => there.includes(name));
  if (known !== undefined) refuse(`${what} ${known} is in the export already`);
  const unknown = remove.find((name) => !there.includes(name));
  if (unknown !== undefined) refuse(`${what} ${unknown} is not in the export`);
};

/** Names of projects are the same whatever their case. */
const anyCase = (names: readonly string[]): string[] => names.map((name) => name.toLowerCase());

/** Refuses (`invalid`) a change that is none, or the contrary of itself. */
export const checkExportChange = (now: ExportContents, request: UpdateExportRequest): void => {
  const lists: ListChange[] = [
    {
      what: "Project",
      there: anyCase(now.importers),
      add: anyCase(request.add_importer_projects),
      remove: anyCase(request.remove_importer_projects),
    },
    {
      what: "Fleet",
      there: now.fleets,
      add: request.add_exported_fleets,
      remove: request.remove_exported_fleets,
    },
    {
      what: "Gateway",
      there: now.gateways,
      add: request.add_exported_gateways,
      remove: request.remove_exported_gateways,
    },
  ];
  const isEmpty = lists.every(({ add, remove }) => add.length + remove.length === 0);
  if (isEmpty && !request.set_global && !request.unset_global) refuse("No changes specified");
  checkGlobal(now, request);
  for (const list of lists) checkList(list);
};
