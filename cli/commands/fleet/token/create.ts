import { labelsText } from "../../../../shared/api/labels.ts";
import { createJoinToken } from "../../../api/joinTokens.ts";
import { openApi } from "../../../api/open.ts";
import { defineCommand } from "../../../args/command.ts";
import { flag, one } from "../../../args/option.ts";
import { projectOption } from "../../../args/resolve.ts";
import { tokenOptions, tokenWishOf } from "../../../args/tokenOptions.ts";
import { printJson } from "../../../output/json.ts";
import { ttlText } from "../../../views/joinTokens.ts";

export const command = defineCommand({
  description:
    "Make a token with which hosts join a fleet, and show the line to run on them. The fleet is made if need be.",
  options: {
    project: projectOption,
    ...tokenOptions,
    json: flag("--json", "Print JSON"),
  },
  args: { fleet: one("FLEET", "The name of the fleet", "fleet") },
  run: async (ctx, { project, fleet, json, ...given }) => {
    const api = await openApi(ctx, { project });
    const token = await createJoinToken(api, { fleet, ...tokenWishOf(given) });
    if (json) return printJson(ctx.out, token);
    const divided =
      token.blocks === null
        ? ""
        : `, each in ${token.blocks === "auto" ? "blocks of one GPU or CPU" : `${token.blocks} blocks`}`;
    const limit = token.uses_left === null ? "" : `, for ${token.uses_left} hosts`;
    const labelled = token.labels ? `, labelled ${labelsText(token.labels)}` : "";
    ctx.out.write(
      `Run this on each host that is to join the fleet ${token.fleet} (valid ${ttlText(token, ctx.clock.now())}${limit}${divided}${labelled}):\n\n  ${token.join_command}\n`,
    );
  },
});
