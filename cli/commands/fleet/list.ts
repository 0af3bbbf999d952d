import { listFleets } from "../../api/fleets.ts";
import { defineCommand } from "../../args/command.ts";
import { projectOption } from "../../args/resolve.ts";
import { ago } from "../../output/time.ts";
import { renderFleets } from "../../views/fleets.ts";
import { show, watchedOptions } from "../show.ts";

export const command = defineCommand({
  description: "List the fleets of the project and their instances.",
  options: { project: projectOption, ...watchedOptions },
  run: async (ctx, wish) => {
    const time = (ms: number) => ago(ms, ctx.clock.now());
    await show(ctx, wish, {
      fetch: (api) => listFleets(api),
      data: (fleets, project) => ({ project, fleets }),
      table: (fleets, shape) => `${renderFleets(ctx.out, fleets, { ...shape, time })}\n`,
    });
  },
});
