import { createJoinToken } from "../../api/joinTokens.ts";
import { openApi } from "../../api/open.ts";
import { defineCommand } from "../../args/command.ts";
import { choice, flag, one } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";
import { tokenOptions, tokenWishOf } from "../../args/tokenOptions.ts";
import { printJson } from "../../output/json.ts";
import { JOIN_FORMATS, joinSnippet } from "../../views/joinSnippet.ts";

export const command = defineCommand({
  description:
    "Make a token, and print what joins hosts with it: a line for a shell, cloud-init user data, or an Ansible task. Nothing else is printed, so that it can go into a file.",
  options: {
    project: projectOption,
    format: choice("--format FORMAT", "shell, cloud-init or ansible (shell)", JOIN_FORMATS),
    ...tokenOptions,
    json: flag("--json", "Print JSON: the token, and the text as `snippet`"),
  },
  args: { fleet: one("FLEET", "The name of the fleet", "fleet") },
  run: async (ctx, { project, fleet, json, format = "shell", ...given }) => {
    const api = await openApi(ctx, { project });
    const token = await createJoinToken(api, { fleet, ...tokenWishOf(given) });
    const snippet = joinSnippet(token, format);
    if (json) return printJson(ctx.out, { ...token, format, snippet });
    ctx.out.write(snippet);
  },
});
