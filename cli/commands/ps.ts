import type { Run } from "../../shared/api/runs.ts";
import type { Api } from "../api/client.ts";
import { getProject } from "../api/projects.ts";
import { listRuns, MOST_RUNS } from "../api/runs.ts";
import { defineCommand } from "../args/command.ts";
import { choice, count, flag, value } from "../args/option.ts";
import { projectOption } from "../args/resolve.ts";
import { ago } from "../output/time.ts";
import { renderRuns } from "../views/runs.ts";
import { show, watchedOptions } from "./show.ts";

export const command = defineCommand({
  description: "List the runs that are not finished or, if there are none, the latest run.",
  options: {
    project: projectOption,
    all: flag("-a, --all", "Show finished runs too"),
    last: value("-n, --last N", "Show the latest N runs, finished ones too", count),
    ...watchedOptions,
    format: choice("--format FORMAT", "plain or json", ["plain", "json"]),
  },
  run: async (ctx, { all, last, ...wish }) => {
    const time = (ms: number) => ago(ms, ctx.clock.now());
    await show(ctx, wish, {
      fetch: (api) => runsToShow(api, { all: all || last !== undefined, limit: last }),
      data: (runs, project) => ({ project, runs }),
      table: (runs, { isVerbose }) => renderRuns(ctx.out, runs, { isVerbose, time }),
    });
  },
});

const runsToShow = async (api: Api, wish: { all: boolean; limit: number | undefined }): Promise<Run[]> => {
  const limit = Math.min(wish.limit ?? MOST_RUNS, MOST_RUNS);
  const runs = await listRuns(api, { onlyActive: !wish.all, limit });
  const found = runs.length > 0 || wish.all ? runs : await listRuns(api, { onlyActive: false, limit: 1 });
  // A project that there is not has no runs, says the server; the user should hear of it.
  if (found.length === 0) await getProject(api);
  return found;
};
