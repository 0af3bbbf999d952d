import { deleteExport } from "../../api/exports.ts";
import { openApi } from "../../api/open.ts";
import { defineCommand } from "../../args/command.ts";
import { flag, one } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";
import { confirm, printExiting } from "../../output/prompt.ts";

export const command = defineCommand({
  description: "Let nobody use any more what an export holds.",
  options: { project: projectOption, yes: flag("-y, --yes", "Do not ask") },
  args: { name: one("NAME", "The name of the export", "export") },
  run: async (ctx, { project, yes, name }) => {
    const api = await openApi(ctx, { project });
    if (!yes && !(await confirm(ctx, `Delete the export ${name}?`))) return printExiting(ctx);
    await deleteExport(api, name);
    ctx.out.write(`Export ${name} deleted\n`);
  },
});
