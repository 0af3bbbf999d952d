import { cordonInstance } from "../../api/instances.ts";
import { openApi } from "../../api/open.ts";
import { defineCommand } from "../../args/command.ts";
import { one, text, value } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";

export const command = defineCommand({
  description: "Keep new jobs away from an instance. Those that it has go on.",
  options: {
    project: projectOption,
    reason: value("--reason TEXT", "Why, for those whose runs wait", text),
  },
  args: { name: one("NAME", "The name of the instance", "instance") },
  run: async (ctx, { project, reason = "", name }) => {
    await cordonInstance(await openApi(ctx, { project }), name, reason);
    ctx.out.write(`Instance ${name} gets no new jobs\n`);
  },
});
