import { openApi } from "../../api/open.ts";
import { deleteSecrets, getSecret } from "../../api/secrets.ts";
import { defineCommand } from "../../args/command.ts";
import { flag, one } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";
import { confirm, printExiting } from "../../output/prompt.ts";

export const command = defineCommand({
  description: "Delete a secret. Jobs that have started keep its value.",
  options: { project: projectOption, yes: flag("-y, --yes", "Do not ask") },
  args: { name: one("NAME", "The name of the secret", "secret") },
  run: async (ctx, { project, yes, name }) => {
    const api = await openApi(ctx, { project });
    if (!yes) {
      // There is nothing to ask about what is not there.
      await getSecret(api, name);
      if (!(await confirm(ctx, `Delete the secret ${name}?`))) return printExiting(ctx);
    }
    await deleteSecrets(api, [name]);
    ctx.out.write("OK\n");
  },
});
