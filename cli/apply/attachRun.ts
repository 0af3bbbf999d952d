import type { Run } from "../../shared/api/runs.ts";
import { isFinalRun } from "../../shared/states.ts";
import type { Api } from "../api/client.ts";
import { openFeed, type RunFeed } from "../attach/feed.ts";
import { type FollowedLog, followLog } from "../attach/log.ts";
import { createOutage } from "../attach/outage.ts";
import type { Context } from "../context.ts";
import { trackLines } from "../output/lineStart.ts";
import { startLive } from "../output/live.ts";
import { printMessage } from "../output/message.ts";
import { hourAndMinute } from "../output/time.ts";
import type { JobPorts } from "../tunnel/jobPorts.ts";
import { renderRuns } from "../views/runs.ts";
import { detachFrom } from "./detach.ts";
import { endingLines, exitCodeOf } from "./ending.ts";
import { isUp, mainSubmissionId, waitingText } from "./phase.ts";
import { printService } from "./service.ts";

interface Attachment {
  readonly api: Api;
  readonly run: Run;
  /** Nobody wants to be asked: Ctrl-C leaves the run alone. */
  readonly yes: boolean;
  /** Ports that lead there meanwhile; whoever made them closes them. */
  readonly ports?: JobPorts;
}

/** Stays with a run until its end: shows that it starts, what it prints, how it ended. Returns the exit code. */
export const attachToRun = async (ctx: Context, { api, run, yes, ports }: Attachment): Promise<number> => {
  using interrupt = ctx.interrupts.listen();
  try {
    return await follow(ctx, { api, run, ports, signal: interrupt.signal });
  } catch (err) {
    if (!interrupt.signal.aborted) throw err;
  }
  return detachFrom(ctx, { api, run, yes });
};

interface Following {
  readonly api: Api;
  readonly run: Run;
  readonly ports: JobPorts | undefined;
  readonly signal: AbortSignal;
}

const follow = async (ctx: Context, { api, run, ports, signal }: Following): Promise<number> => {
  const out = trackLines(ctx.out);
  const logContext = { ...ctx, out };
  const outage = createOutage(ctx);
  let log: FollowedLog | undefined;
  let live = startLive(ctx, waitingText(run));
  const onChange = (next: Run) => {
    live.show(waitingText(next), renderRuns(ctx.out, [next], tableOptions(false)));
    followNewest(next);
  };
  await using feed = openFeed(ctx, { api, run, outage, signal, onChange });
  /** Asks for the output of an attempt as soon as there is one: it comes when it comes. */
  const followNewest = (next: Run) => {
    const submissionId = mainSubmissionId(next);
    if (submissionId === undefined || submissionId === log?.submissionId) return;
    log = followLog(logContext, { api, feed, outage, submissionId, signal });
    ports?.follow(submissionId);
  };
  followNewest(run);
  try {
    for (;;) {
      const up = await feed.until(isUp);
      live[Symbol.dispose]();
      printUp(ctx, { api, run: up });
      if (!isFinalRun(up.status)) for (const line of ports?.lines() ?? []) ctx.out.write(`${line}\n`);
      const shown = log;
      await shown?.print();
      out.endLine();
      const next = await nextState(feed, shown?.submissionId);
      if (isFinalRun(next.status)) {
        for (const line of endingLines(next)) printMessage(ctx.out, line);
        return exitCodeOf(next);
      }
      live = startLive(ctx, waitingText(next));
    }
  } finally {
    live[Symbol.dispose]();
  }
};

/** Over, or another attempt has begun. */
const nextState = (feed: RunFeed, submissionId: string | undefined): Promise<Run> =>
  feed.until(
    (run) => isFinalRun(run.status) || run.status === "pending" || mainSubmissionId(run) !== submissionId,
  );

const printUp = (ctx: Context, { api, run }: { api: Api; run: Run }): void => {
  const isBad = isFinalRun(run.status) && run.status !== "done";
  ctx.out.write(`${renderRuns(ctx.out, [run], tableOptions(isBad))}\n`);
  ctx.out.write(`${run.run_spec.run_name} provisioning completed (${run.status})\n`);
  if (!isBad) printService(ctx, api, run);
};

const tableOptions = (isVerbose: boolean) => ({ isVerbose, time: hourAndMinute });
