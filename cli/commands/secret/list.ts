import { openApi } from "../../api/open.ts";
import { listSecrets } from "../../api/secrets.ts";
import { defineCommand } from "../../args/command.ts";
import { flag } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";
import { printJsonLine } from "../../output/json.ts";
import { renderSecrets } from "../../views/secrets.ts";

export const command = defineCommand({
  description: "List the secrets of the project, without their values.",
  options: { project: projectOption, json: flag("--json", "Print JSON") },
  run: async (ctx, { project, json }) => {
    const api = await openApi(ctx, { project });
    const secrets = await listSecrets(api);
    if (json) return printJsonLine(ctx.out, { project: api.connection.project, secrets });
    ctx.out.write(`${renderSecrets(ctx.out, secrets)}\n`);
  },
});
