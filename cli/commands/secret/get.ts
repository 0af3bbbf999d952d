import { getSecret } from "../../api/secrets.ts";
import { defineCommand } from "../../args/command.ts";
import { one } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";
import { formatOptions } from "../../output/format.ts";
import { renderSecrets } from "../../views/secrets.ts";
import { show } from "../show.ts";

export const command = defineCommand({
  description: "Show a secret with its value.",
  options: { project: projectOption, ...formatOptions },
  args: { name: one("NAME", "The name of the secret", "secret") },
  run: async (ctx, { name, ...wish }) => {
    await show(ctx, wish, {
      fetch: (api) => getSecret(api, name),
      data: (secret) => secret,
      table: (secret) => `${renderSecrets(ctx.out, [secret])}\n`,
    });
  },
});
