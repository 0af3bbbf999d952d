import { openApi } from "../../api/open.ts";
import { getRun } from "../../api/runs.ts";
import { defineCommand } from "../../args/command.ts";
import { optional, text, value } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";
import { dataFormatOf, dataOptions, printOne } from "../../output/format.ts";
import { nameOrId } from "../nameOrId.ts";

export const command = defineCommand({
  description: "Show everything that is known about one run.",
  options: {
    project: projectOption,
    id: value("--id UUID", "The id of the run, instead of its name", text),
    ...dataOptions,
  },
  args: { name: optional("NAME", "The name of the run", "anyRun") },
  run: async (ctx, { project, id, name, ...wish }) => {
    const format = dataFormatOf(wish);
    const key = nameOrId({ name, id });
    const api = await openApi(ctx, { project });
    await printOne(ctx.out, format, await getRun(api, key));
  },
});
