import { listGateways } from "../../api/gateways.ts";
import { defineCommand } from "../../args/command.ts";
import { choice } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";
import { ago } from "../../output/time.ts";
import { renderGateways } from "../../views/gateways.ts";
import { show, watchedOptions } from "../show.ts";

export const command = defineCommand({
  description: "List the gateways of the project, and those that it may use of others.",
  options: {
    project: projectOption,
    ...watchedOptions,
    format: choice("--format FORMAT", "plain or json", ["plain", "json"]),
  },
  run: async (ctx, wish) => {
    const time = (ms: number) => ago(ms, ctx.clock.now());
    await show(ctx, wish, {
      fetch: (api) => listGateways(api),
      data: (gateways, project) => ({ project, gateways }),
      table: (gateways, shape) => `${renderGateways(ctx.out, gateways, { ...shape, time })}\n`,
    });
  },
});
