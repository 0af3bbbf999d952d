import { openApi } from "../../api/open.ts";
import { setSecret } from "../../api/secrets.ts";
import { defineCommand } from "../../args/command.ts";
import { one, optional } from "../../args/option.ts";
import { UsageError } from "../../args/parse.ts";
import { projectOption } from "../../args/resolve.ts";

export const command = defineCommand({
  description:
    "Set a secret. Without a value it is read from standard input, which keeps it out of the shell's history: `dstack secret set NAME < file`.",
  options: { project: projectOption },
  args: {
    name: one("NAME", "The name of the secret", "secret"),
    value: optional("VALUE", "Its value"),
  },
  run: async (ctx, { project, name, value }) => {
    // At a terminal it would be shown as it is typed: then as an argument, as the stock client wants it.
    if (value === undefined && ctx.input.isTerminal)
      throw new UsageError("the following arguments are required: VALUE");
    const text = value ?? (await ctx.input.readAll()).replace(/\r?\n$/, "");
    await setSecret(await openApi(ctx, { project }), name, text);
    ctx.out.write("OK\n");
  },
});
