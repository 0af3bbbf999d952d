import { removeInstance } from "../../api/instances.ts";
import { openApi } from "../../api/open.ts";
import { defineCommand } from "../../args/command.ts";
import { flag, one } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";
import { confirm, printExiting } from "../../output/prompt.ts";
import { waitUntilGone } from "./waitUntilGone.ts";

export const command = defineCommand({
  description:
    "Take an instance out of its fleet for good: its host is refused from then on. Refused while it has a job.",
  options: {
    project: projectOption,
    uninstall: flag(
      "--uninstall",
      "Have the host remove the agent and all that it has made, and wait until it has left",
    ),
    force: flag("--force", "Also with jobs there, which are killed, or taken for lost"),
    yes: flag("-y, --yes", "Do not ask"),
  },
  args: { name: one("NAME", "The name of the instance", "instance") },
  run: async (ctx, { project, uninstall, force, yes, name }) => {
    const api = await openApi(ctx, { project });
    const question = uninstall
      ? `Remove the instance ${name}, and dstack-agent from its host?`
      : `Remove the instance ${name}?`;
    if (!yes && !(await confirm(ctx, question))) {
      printExiting(ctx);
      return undefined;
    }
    await removeInstance(api, { name, uninstall, force });
    if (uninstall && !(await waitUntilGone(ctx, api, [name]))) return 130;
    ctx.out.write(`Instance ${name} removed\n`);
    return undefined;
  },
});
