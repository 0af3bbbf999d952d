import { listJoinTokens } from "../../../api/joinTokens.ts";
import { defineCommand } from "../../../args/command.ts";
import { text, value } from "../../../args/option.ts";
import { projectOption } from "../../../args/resolve.ts";
import { formatOptions } from "../../../output/format.ts";
import { renderJoinTokens } from "../../../views/joinTokens.ts";
import { show } from "../../show.ts";

export const command = defineCommand({
  description:
    "List the tokens with which hosts can still join. The tokens themselves are shown once, when they are made.",
  options: {
    project: projectOption,
    fleet: value("--fleet NAME", "Only those of this fleet", text, { complete: "fleet" }),
    ...formatOptions,
  },
  run: async (ctx, { fleet, ...wish }) => {
    await show(ctx, wish, {
      fetch: (api) => listJoinTokens(api, fleet),
      data: (tokens, project) => ({ project, tokens }),
      table: (tokens) => `${renderJoinTokens(ctx.out, tokens, ctx.clock.now())}\n`,
    });
  },
});
