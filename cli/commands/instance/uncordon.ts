import { uncordonInstance } from "../../api/instances.ts";
import { openApi } from "../../api/open.ts";
import { defineCommand } from "../../args/command.ts";
import { one } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";

export const command = defineCommand({
  description: "Let new jobs go to an instance again.",
  options: { project: projectOption },
  args: { name: one("NAME", "The name of the instance", "instance") },
  run: async (ctx, { project, name }) => {
    const { closed } = await uncordonInstance(await openApi(ctx, { project }), name);
    // Whoever runs the host may want none all the same.
    ctx.out.write(closed ? `Instance ${name} ${closed}\n` : `Instance ${name} gets jobs again\n`);
  },
});
