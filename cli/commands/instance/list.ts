import { listInstances } from "../../api/instances.ts";
import { openApi } from "../../api/open.ts";
import { defineCommand } from "../../args/command.ts";
import { flag } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";
import { printJson } from "../../output/json.ts";
import { ago } from "../../output/time.ts";
import { watchTable } from "../../output/watch.ts";
import { renderInstances } from "../../views/instances.ts";

export const command = defineCommand({
  description: "List the instances of the project, with the agents that run there and what keeps jobs away.",
  options: {
    project: projectOption,
    watch: flag("-w, --watch", "Show the table again every two seconds"),
    json: flag("--json", "As JSON"),
  },
  exclusive: [["watch", "json"]],
  run: async (ctx, { project, watch, json }) => {
    const api = await openApi(ctx, { project });
    if (json) return printJson(ctx.out, await listInstances(api));
    const render = async () => {
      const time = (ms: number) => ago(ms, ctx.clock.now());
      return `${renderInstances(ctx.out, await listInstances(api), time)}\n`;
    };
    if (watch) await watchTable(ctx, render);
    else ctx.out.write(await render());
  },
});
