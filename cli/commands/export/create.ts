import { createExport } from "../../api/exports.ts";
import { openApi } from "../../api/open.ts";
import { defineCommand } from "../../args/command.ts";
import { flag, list, one, text } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";
import { renderExports } from "../../views/exports.ts";

export const command = defineCommand({
  description: "Let other projects use fleets and gateways of this one.",
  options: {
    project: projectOption,
    importers: list("--importer PROJECT", "A project that may use them", text),
    fleets: list("--fleet NAME", "A fleet", text, { complete: "fleet" }),
    gateways: list("--gateway NAME", "A gateway", text, { complete: "gateway" }),
    global: flag("--global", "All projects may use them"),
  },
  args: { name: one("NAME", "A name for it") },
  run: async (ctx, { project, importers, fleets, gateways, global, name }) => {
    const made = await createExport(await openApi(ctx, { project }), {
      name,
      is_global: global,
      importer_projects: [...importers],
      exported_fleets: [...fleets],
      exported_gateways: [...gateways],
    });
    ctx.out.write(`${renderExports(ctx.out, [made])}\n`);
  },
});
