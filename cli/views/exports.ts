import type { Export, Import } from "../../shared/api/exports.ts";
import type { Output } from "../context.ts";
import { renderTable } from "../output/table.ts";

const namesOf = (named: readonly { readonly name: string }[] | undefined): string =>
  named?.map(({ name }) => name).join(", ") || "-";

const importersOf = ({ is_global: isGlobal, imports }: Export): string =>
  isGlobal ? "*" : imports.map((each) => each.project_name).join(", ") || "-";

/** The table of `export` (docs/spec/cli.md §3.9). */
export const renderExports = (out: Output, exports: readonly Export[]): string =>
  renderTable(
    out,
    [{ title: "NAME", isWhole: true }, { title: "FLEETS" }, { title: "GATEWAYS" }, { title: "IMPORTERS" }],
    exports.map((each) => ({
      cells: [each.name, namesOf(each.exported_fleets), namesOf(each.exported_gateways), importersOf(each)],
    })),
  );

/** The table of `import`. */
export const renderImports = (out: Output, imports: readonly Import[]): string =>
  renderTable(
    out,
    [{ title: "NAME", isWhole: true }, { title: "FLEETS" }, { title: "GATEWAYS" }],
    imports.map(({ export: { name, project_name: project, exported_fleets, exported_gateways } }) => ({
      cells: [`${project}/${name}`, namesOf(exported_fleets), namesOf(exported_gateways)],
    })),
  );
