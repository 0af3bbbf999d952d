import { expect, test } from "bun:test";
import { UpdateExportRequest } from "../../../shared/api/exports.ts";
import { checkExportChange } from "./exportChange.ts";

const NOW = { isGlobal: false, importers: ["Team"], fleets: ["lab"], gateways: ["edge"] };
const check = (change: Record<string, unknown>, now = NOW) =>
  checkExportChange(now, UpdateExportRequest.parse({ name: "capacity", ...change }));

test.each([
  [{ set_global: true }],
  [{ add_importer_projects: ["other"], remove_importer_projects: ["team"] }],
  [{ add_exported_fleets: ["rack"], remove_exported_fleets: ["lab"] }],
  [{ add_exported_gateways: ["back"], remove_exported_gateways: ["edge"] }],
])("%j is a change", (change) => {
  expect(() => check(change)).not.toThrow();
});

test.each([
  [{}, "No changes specified"],
  [{ unset_global: true }, "The export is not global"],
  [{ add_importer_projects: ["TEAM"] }, "Project team is in the export already"],
  [{ add_exported_fleets: ["lab"] }, "Fleet lab is in the export already"],
  [{ remove_exported_fleets: ["rack"] }, "Fleet rack is not in the export"],
  [{ remove_exported_gateways: ["back"] }, "Gateway back is not in the export"],
  [
    { add_exported_fleets: ["rack"], remove_exported_fleets: ["rack"] },
    "Fleet rack cannot be both added and removed",
  ],
])("%j is refused", (change, message) => {
  expect(() => check(change)).toThrow(message);
});

test("what is global cannot become so", () => {
  expect(() => check({ set_global: true }, { ...NOW, isGlobal: true })).toThrow(
    "The export is global already",
  );
  expect(() => check({ unset_global: true }, { ...NOW, isGlobal: true })).not.toThrow();
});
