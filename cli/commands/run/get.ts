import { openApi } from "../../api/open.ts";
import { getRun } from "../../api/runs.ts";
import { defineCommand } from "../../args/command.ts";
import { flag, optional, text, value } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";
import { printJson } from "../../output/json.ts";
import { nameOrId, requireJson } from "../nameOrId.ts";

export const command = defineCommand({
  description: "Show everything that is known about one run.",
  options: {
    project: projectOption,
    id: value("--id UUID", "The id of the run, instead of its name", text),
    json: flag("--json", "As JSON; there is no other form"),
  },
  args: { name: optional("NAME", "The name of the run", "anyRun") },
  run: async (ctx, { project, id, json, name }) => {
    requireJson(json);
    const key = nameOrId({ name, id });
    const api = await openApi(ctx, { project });
    printJson(ctx.out, await getRun(api, key));
  },
});
