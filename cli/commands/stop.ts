import { openApi } from "../api/open.ts";
import { getRun, stopRun } from "../api/runs.ts";
import { defineCommand } from "../args/command.ts";
import { flag, one } from "../args/option.ts";
import { projectOption } from "../args/resolve.ts";
import { confirm } from "../output/prompt.ts";

export const command = defineCommand({
  description: "Stop a run. Does not wait for its end.",
  options: {
    project: projectOption,
    abort: flag("-x, --abort", "Kill it, without the time that it has to end by itself"),
    yes: flag("-y, --yes", "Do not ask"),
  },
  args: { name: one("RUN", "The name of the run", "run") },
  run: async (ctx, { project, abort, yes, name }) => {
    const api = await openApi(ctx, { project });
    await getRun(api, { name });
    if (!yes && !(await confirm(ctx, "Are you sure you want to stop the run?"))) return;
    await stopRun(api, name, abort);
    ctx.out.write(abort ? "Aborted\n" : "Stopped\n");
  },
});
