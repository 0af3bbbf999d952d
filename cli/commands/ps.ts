import { AppError } from "../../shared/errors.ts";
import type { Api } from "../api/client.ts";
import { openApi } from "../api/open.ts";
import { getProject } from "../api/projects.ts";
import { listRuns, MOST_RUNS } from "../api/runs.ts";
import { defineCommand } from "../args/command.ts";
import { choice, count, flag, value } from "../args/option.ts";
import { projectOption } from "../args/resolve.ts";
import { ago } from "../output/time.ts";
import { watchTable } from "../output/watch.ts";
import { renderRuns } from "../views/runs.ts";

export const command = defineCommand({
  description: "List the runs that are not finished or, if there are none, the latest run.",
  options: {
    project: projectOption,
    all: flag("-a, --all", "Show finished runs too"),
    verbose: flag("-v, --verbose", "Show more about each run"),
    watch: flag("-w, --watch", "Show the table again every two seconds"),
    last: value("-n, --last N", "Show the latest N runs, finished ones too", count),
    format: choice("--format FORMAT", "plain or json", ["plain", "json"]),
    json: flag("--json", "The same as --format json"),
  },
  run: async (ctx, { project, all, verbose, watch, last, format, json }) => {
    const asJson = json || format === "json";
    if (asJson && watch) throw new AppError("invalid", "JSON output is not supported together with --watch");
    const api = await openApi(ctx, { project });
    const fetchRuns = () => runsToShow(api, { all: all || last !== undefined, limit: last });
    if (asJson) {
      ctx.out.write(`${JSON.stringify({ project: api.connection.project, runs: await fetchRuns() })}\n`);
      return;
    }
    const render = async () =>
      renderRuns(ctx.out, await fetchRuns(), { isVerbose: verbose, time: (ms) => ago(ms, ctx.clock.now()) });
    if (watch) await watchTable(ctx, render);
    else ctx.out.write(await render());
  },
});

const runsToShow = async (api: Api, wish: { all: boolean; limit: number | undefined }) => {
  const runs = await listRuns(api, {
    onlyActive: !wish.all,
    limit: Math.min(wish.limit ?? MOST_RUNS, MOST_RUNS),
  });
  const found = runs.length > 0 || wish.all ? runs : await listRuns(api, { onlyActive: false, limit: 1 });
  // A project that there is not has no runs, says the server; the user should hear of it.
  if (found.length === 0) await getProject(api);
  return found;
};
