import { updateExport } from "../../api/exports.ts";
import { openApi } from "../../api/open.ts";
import { defineCommand } from "../../args/command.ts";
import { flag, list, one, text } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";
import { renderExports } from "../../views/exports.ts";

export const command = defineCommand({
  description: "Change what an export holds, and whom it is for.",
  options: {
    project: projectOption,
    addImporters: list("--add-importer PROJECT", "This project may use it from now on", text),
    removeImporters: list("--remove-importer PROJECT", "This project may not use it any more", text),
    addFleets: list("--add-fleet NAME", "Add a fleet", text, { complete: "fleet" }),
    removeFleets: list("--remove-fleet NAME", "Take out a fleet", text, { complete: "fleet" }),
    addGateways: list("--add-gateway NAME", "Add a gateway", text, { complete: "gateway" }),
    removeGateways: list("--remove-gateway NAME", "Take out a gateway", text, { complete: "gateway" }),
    setGlobal: flag("--set-global", "All projects may use it"),
    unsetGlobal: flag("--unset-global", "Only the projects that are named may use it"),
  },
  exclusive: [["setGlobal", "unsetGlobal"]],
  args: { name: one("NAME", "The name of the export", "export") },
  run: async (ctx, { project, name, ...changes }) => {
    const updated = await updateExport(await openApi(ctx, { project }), {
      name,
      set_global: changes.setGlobal,
      unset_global: changes.unsetGlobal,
      add_importer_projects: [...changes.addImporters],
      remove_importer_projects: [...changes.removeImporters],
      add_exported_fleets: [...changes.addFleets],
      remove_exported_fleets: [...changes.removeFleets],
      add_exported_gateways: [...changes.addGateways],
      remove_exported_gateways: [...changes.removeGateways],
    });
    ctx.out.write(`${renderExports(ctx.out, [updated])}\n`);
  },
});
