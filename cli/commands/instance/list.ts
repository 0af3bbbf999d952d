import { listInstances } from "../../api/instances.ts";
import { defineCommand } from "../../args/command.ts";
import { projectOption } from "../../args/resolve.ts";
import { ago } from "../../output/time.ts";
import { renderInstances } from "../../views/instances.ts";
import { show, watchedOptions } from "../show.ts";

export const command = defineCommand({
  description: "List the instances of the project, with the agents that run there and what keeps jobs away.",
  options: { project: projectOption, ...watchedOptions },
  run: async (ctx, wish) => {
    const time = (ms: number) => ago(ms, ctx.clock.now());
    await show(ctx, wish, {
      fetch: (api) => listInstances(api),
      data: (instances, project) => ({ project, instances }),
      table: (instances, { isVerbose }) => `${renderInstances(ctx.out, instances, { time, isVerbose })}\n`,
    });
  },
});
