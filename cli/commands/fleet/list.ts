import { listFleets } from "../../api/fleets.ts";
import { openApi } from "../../api/open.ts";
import { defineCommand } from "../../args/command.ts";
import { flag } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";
import { ago } from "../../output/time.ts";
import { watchTable } from "../../output/watch.ts";
import { renderFleets } from "../../views/fleets.ts";

export const command = defineCommand({
  description: "List the fleets of the project and their instances.",
  options: {
    project: projectOption,
    watch: flag("-w, --watch", "Show the table again every two seconds"),
    verbose: flag("-v, --verbose", "Show more about each instance"),
  },
  run: async (ctx, { project, watch, verbose }) => {
    const api = await openApi(ctx, { project });
    const render = async () => {
      const fleets = await listFleets(api);
      const time = (ms: number) => ago(ms, ctx.clock.now());
      return `${renderFleets(ctx.out, fleets, { isVerbose: verbose, project: api.connection.project, time })}\n`;
    };
    if (watch) await watchTable(ctx, render);
    else ctx.out.write(await render());
  },
});
