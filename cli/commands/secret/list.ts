import { listSecrets } from "../../api/secrets.ts";
import { defineCommand } from "../../args/command.ts";
import { projectOption } from "../../args/resolve.ts";
import { formatOptions } from "../../output/format.ts";
import { renderSecrets } from "../../views/secrets.ts";
import { show } from "../show.ts";

export const command = defineCommand({
  description: "List the secrets of the project, without their values.",
  options: { project: projectOption, ...formatOptions },
  run: async (ctx, wish) => {
    await show(ctx, wish, {
      fetch: (api) => listSecrets(api),
      data: (secrets, project) => ({ project, secrets }),
      table: (secrets) => `${renderSecrets(ctx.out, secrets)}\n`,
    });
  },
});
