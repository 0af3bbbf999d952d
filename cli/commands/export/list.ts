import { listExports } from "../../api/exports.ts";
import { defineCommand } from "../../args/command.ts";
import { projectOption } from "../../args/resolve.ts";
import { formatOptions } from "../../output/format.ts";
import { renderExports } from "../../views/exports.ts";
import { show } from "../show.ts";

export const command = defineCommand({
  description: "List what the project lets others use.",
  options: { project: projectOption, ...formatOptions },
  run: (ctx, wish) =>
    show(ctx, wish, {
      fetch: async (api) => {
        const { exports, warnings } = await listExports(api);
        for (const warning of warnings) ctx.err.write(`${warning}\n`);
        return exports;
      },
      data: (exports, project) => ({ project, exports }),
      table: (exports) => `${renderExports(ctx.out, exports)}\n`,
    }),
});
