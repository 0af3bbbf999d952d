import { openApi } from "../../api/open.ts";
import { getSecret } from "../../api/secrets.ts";
import { defineCommand } from "../../args/command.ts";
import { flag, one } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";
import { printJsonLine } from "../../output/json.ts";
import { renderSecrets } from "../../views/secrets.ts";

export const command = defineCommand({
  description: "Show a secret with its value.",
  options: { project: projectOption, json: flag("--json", "Print JSON") },
  args: { name: one("NAME", "The name of the secret", "secret") },
  run: async (ctx, { project, json, name }) => {
    const secret = await getSecret(await openApi(ctx, { project }), name);
    if (json) return printJsonLine(ctx.out, secret);
    ctx.out.write(`${renderSecrets(ctx.out, [secret])}\n`);
  },
});
