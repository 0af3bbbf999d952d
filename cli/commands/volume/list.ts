import { listVolumes } from "../../api/volumes.ts";
import { defineCommand } from "../../args/command.ts";
import { projectOption } from "../../args/resolve.ts";
import { ago } from "../../output/time.ts";
import { renderVolumes } from "../../views/volumes.ts";
import { show, watchedOptions } from "../show.ts";

export const command = defineCommand({
  description: "List the volumes of the project.",
  options: { project: projectOption, ...watchedOptions },
  run: async (ctx, wish) => {
    const time = (ms: number) => ago(ms, ctx.clock.now());
    await show(ctx, wish, {
      fetch: (api) => listVolumes(api),
      data: (volumes, project) => ({ project, volumes }),
      table: (volumes, { isVerbose }) => `${renderVolumes(ctx.out, volumes, { isVerbose, time })}\n`,
    });
  },
});
