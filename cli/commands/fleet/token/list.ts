import { listJoinTokens } from "../../../api/joinTokens.ts";
import { openApi } from "../../../api/open.ts";
import { defineCommand } from "../../../args/command.ts";
import { flag, text, value } from "../../../args/option.ts";
import { projectOption } from "../../../args/resolve.ts";
import { printJsonLine } from "../../../output/json.ts";
import { renderJoinTokens } from "../../../views/joinTokens.ts";

export const command = defineCommand({
  description:
    "List the tokens with which hosts can still join. The tokens themselves are shown once, when they are made.",
  options: {
    project: projectOption,
    fleet: value("--fleet NAME", "Only those of this fleet", text, { complete: "fleet" }),
    json: flag("--json", "Print JSON"),
  },
  run: async (ctx, { project, fleet, json }) => {
    const api = await openApi(ctx, { project });
    const tokens = await listJoinTokens(api, fleet);
    if (json) return printJsonLine(ctx.out, { project: api.connection.project, tokens });
    ctx.out.write(`${renderJoinTokens(ctx.out, tokens, ctx.clock.now())}\n`);
  },
});
