import { listImports } from "../../api/exports.ts";
import { defineCommand } from "../../args/command.ts";
import { projectOption } from "../../args/resolve.ts";
import { formatOptions } from "../../output/format.ts";
import { renderImports } from "../../views/exports.ts";
import { show } from "../show.ts";

export const command = defineCommand({
  description: "List what the project may use of others.",
  options: { project: projectOption, ...formatOptions },
  run: (ctx, wish) =>
    show(ctx, wish, {
      fetch: async (api) => {
        const { imports, warnings } = await listImports(api);
        for (const warning of warnings) ctx.err.write(`${warning}\n`);
        return imports;
      },
      data: (imports, project) => ({ project, imports }),
      table: (imports) => `${renderImports(ctx.out, imports)}\n`,
    }),
});
