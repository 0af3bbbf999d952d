import { revokeJoinTokens } from "../../../api/joinTokens.ts";
import { openApi } from "../../../api/open.ts";
import { defineCommand } from "../../../args/command.ts";
import { rest } from "../../../args/option.ts";
import { UsageError } from "../../../args/parse.ts";
import { projectOption } from "../../../args/resolve.ts";

export const command = defineCommand({
  description: "Make tokens useless. Hosts that have joined stay.",
  options: { project: projectOption },
  args: { ids: rest("ID", "The ids of the tokens, as `dstack fleet token list` shows them") },
  run: async (ctx, { project, ids }) => {
    if (ids.length === 0) throw new UsageError("the following arguments are required: ID");
    const api = await openApi(ctx, { project });
    await revokeJoinTokens(api, ids);
    ctx.out.write(ids.length === 1 ? "Token revoked\n" : "Tokens revoked\n");
  },
});
