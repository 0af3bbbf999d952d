import { missing } from "../../api/missing.ts";
import { openApi } from "../../api/open.ts";
import { findVolume, listVolumes } from "../../api/volumes.ts";
import { defineCommand } from "../../args/command.ts";
import { one } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";
import { dataFormatOf, dataOptions, printOne } from "../../output/format.ts";

export const command = defineCommand({
  description: "Show everything that is known about one volume.",
  options: { project: projectOption, ...dataOptions },
  args: { name: one("NAME", "The name of the volume", "volume") },
  run: async (ctx, { project, name, ...wish }) => {
    const format = dataFormatOf(wish);
    const api = await openApi(ctx, { project });
    const volume = await findVolume(api, name);
    if (!volume)
      throw await missing("Volume not found", name, async (signal) =>
        (await listVolumes(api, { signal })).map((each) => each.name),
      );
    await printOne(ctx.out, format, volume);
  },
});
