import type { Run } from "../../../shared/api/runs.ts";
import { isFinalRun, RUN_STATUSES } from "../../../shared/states.ts";
import { openApi } from "../../api/open.ts";
import { getRun } from "../../api/runs.ts";
import { exitCodeOf } from "../../apply/ending.ts";
import { waitingText } from "../../apply/phase.ts";
import { defineCommand } from "../../args/command.ts";
import { choice, one, value } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";
import { secondsOf } from "../../args/seconds.ts";
import { openFeed } from "../../attach/feed.ts";
import { createOutage } from "../../attach/outage.ts";
import type { Context } from "../../context.ts";
import { dataFormatOf, dataOptions, printOne } from "../../output/format.ts";
import { startLive } from "../../output/live.ts";

const FINISHED = "finished";
const GOALS = [FINISHED, ...RUN_STATUSES] as const;
type Goal = (typeof GOALS)[number];

const NOT_REACHED = 1;
/** As timeout(1) ends. */
const TIMED_OUT = 124;

export const command = defineCommand({
  description: `Wait until a run is finished, or has another status. Exit codes: 0 if it is so; with the default goal only
if the run is done; 1 if the run ended otherwise; 124 if the time was up.`,
  options: {
    project: projectOption,
    goal: choice("--for STATUS", `What to wait for (${FINISHED})`, GOALS),
    timeout: value("--timeout DURATION", "How long to wait at most, like 90, 10m or 2h", secondsOf),
    ...dataOptions,
  },
  args: { name: one("RUN", "The name of the run", "run") },
  run: async (ctx, { project, goal = FINISHED, timeout, name, ...wish }) => {
    const isData = wish.json || wish.output !== undefined;
    const format = isData ? dataFormatOf(wish) : undefined;
    const api = await openApi(ctx, { project });
    const begin = await getRun(api, { name });
    const timer = new AbortController();
    const cancel = timeout === undefined ? () => {} : ctx.clock.after(timeout * 1000, () => timer.abort());
    let latest = begin;
    try {
      using live = startLive(ctx, textOf(begin, goal));
      const onChange = (next: Run) => {
        latest = next;
        live.show(textOf(next, goal));
      };
      const outage = createOutage(ctx);
      await using feed = openFeed(ctx, { api, run: begin, outage, signal: timer.signal, onChange });
      await feed.until((run) => isReached(run, goal) || isFinalRun(run.status));
    } catch (err) {
      if (!timer.signal.aborted) throw err;
      tell(ctx, latest, `${latest.status} still, not ${goal}`);
      return TIMED_OUT;
    } finally {
      cancel();
    }
    if (format) await printOne(ctx.out, format, latest);
    else tell(ctx, latest, latest.status);
    if (goal === FINISHED) return exitCodeOf(latest);
    return isReached(latest, goal) ? 0 : NOT_REACHED;
  },
});

const textOf = (run: Run, goal: Goal): string =>
  run.status === "running" || goal === FINISHED
    ? `${run.run_spec.run_name} is ${run.status}, waiting for it to be ${goal}...`
    : waitingText(run);

const tell = (ctx: Context, run: Run, what: string): void => {
  const message = run.status_message && run.status_message !== run.status ? ` (${run.status_message})` : "";
  ctx.out.write(`Run ${run.run_spec.run_name} is ${what}${message}\n`);
};

/** What comes before the good end. A short run may be through with it before it is seen there. */
const ON_THE_WAY: readonly Goal[] = ["pending", "submitted", "provisioning", "running", "terminating"];

const isReached = ({ status }: Run, goal: Goal): boolean =>
  goal === FINISHED
    ? isFinalRun(status)
    : status === goal || (status === "done" && ON_THE_WAY.includes(goal));
