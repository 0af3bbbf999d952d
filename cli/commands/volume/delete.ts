import { missing } from "../../api/missing.ts";
import { openApi } from "../../api/open.ts";
import { deleteVolume, findVolume, listVolumes } from "../../api/volumes.ts";
import { defineCommand } from "../../args/command.ts";
import { flag, one } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";
import { confirm, printExiting } from "../../output/prompt.ts";

export const command = defineCommand({
  description: "Delete a volume with all that is on it. Does not wait for its end.",
  options: { project: projectOption, yes: flag("-y, --yes", "Do not ask") },
  args: { name: one("NAME", "The name of the volume", "volume") },
  run: async (ctx, { project, yes, name }) => {
    const api = await openApi(ctx, { project });
    if (!(await findVolume(api, name)))
      throw await missing(`Volume ${name} does not exist`, name, async (signal) =>
        (await listVolumes(api, { signal })).map((each) => each.name),
      );
    if (!yes && !(await confirm(ctx, `Delete the volume ${name}?`))) return printExiting(ctx);
    await deleteVolume(api, name);
    ctx.out.write(`Volume ${name} deleted\n`);
  },
});
