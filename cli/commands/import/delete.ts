import { deleteImport } from "../../api/exports.ts";
import { openApi } from "../../api/open.ts";
import { defineCommand } from "../../args/command.ts";
import { flag, one } from "../../args/option.ts";
import { UsageError } from "../../args/parse.ts";
import { projectOption } from "../../args/resolve.ts";
import { confirm, printExiting } from "../../output/prompt.ts";

export const command = defineCommand({
  description: "Do without what another project shares.",
  options: { project: projectOption, yes: flag("-y, --yes", "Do not ask") },
  args: { name: one("PROJECT/EXPORT", "The project and the name of its export", "import") },
  run: async (ctx, { project, yes, name: written }) => {
    const [owner, name, ...more] = written.split("/");
    if (!owner || !name || more.length > 0)
      throw new UsageError(`argument PROJECT/EXPORT: invalid value: '${written}'`);
    const api = await openApi(ctx, { project });
    if (!yes && !(await confirm(ctx, `Delete the import ${written}?`))) return printExiting(ctx);
    await deleteImport(api, { project: owner, name });
    ctx.out.write(`Import ${written} deleted\n`);
  },
});
