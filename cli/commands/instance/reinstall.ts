import { reinstallInstance } from "../../api/instances.ts";
import { openApi } from "../../api/open.ts";
import { sudoPasswordFor } from "../../apply/sudoPassword.ts";
import { defineCommand } from "../../args/command.ts";
import { flag, one } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";
import { confirm, printExiting } from "../../output/prompt.ts";

export const command = defineCommand({
  description:
    "Log in to a host of an SSH fleet once more, by the key that was kept (`dstack apply --keep-ssh-keys`), and install the agent anew. Refused while it has a job.",
  options: {
    project: projectOption,
    force: flag("--force", "Also with jobs there, which are taken for lost"),
    askSudoPassword: flag(
      "--ask-sudo-password",
      "Ask for the password of sudo on the host (or DSTACK_SUDO_PASSWORD)",
    ),
    yes: flag("-y, --yes", "Do not ask"),
  },
  args: { name: one("NAME", "The name of the instance", "instance") },
  run: async (ctx, { project, force, askSudoPassword, yes, name }) => {
    const api = await openApi(ctx, { project });
    if (!yes && !(await confirm(ctx, `Install the agent of ${name} anew?`))) {
      printExiting(ctx);
      return;
    }
    const sudoPassword = await sudoPasswordFor(ctx, { askSudoPassword });
    await reinstallInstance(api, { name, force, sudoPassword });
    ctx.out.write(
      `Instance ${name} is being installed; \`dstack instance get ${name}\` tells how far it is\n`,
    );
  },
});
