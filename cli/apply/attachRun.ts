import type { Run } from "../../shared/api/runs.ts";
import { isFinalRun } from "../../shared/states.ts";
import type { Api } from "../api/client.ts";
import type { JobAccess } from "../attach/access.ts";
import { openFeed, type RunFeed } from "../attach/feed.ts";
import { type FollowedLog, followLog } from "../attach/log.ts";
import type { LogBegin } from "../attach/logBegin.ts";
import { createOutage } from "../attach/outage.ts";
import { rewriteUrls, type UrlOutput } from "../attach/urls.ts";
import type { Context } from "../context.ts";
import { trackLines } from "../output/lineStart.ts";
import { startLive } from "../output/live.ts";
import { printMessage } from "../output/message.ts";
import { hourAndMinute } from "../output/time.ts";
import { unlessAborted } from "../process/unlessAborted.ts";
import { watchWake } from "../process/wake.ts";
import { renderRuns } from "../views/runs.ts";
import { detachFrom } from "./detach.ts";
import { endingLines, exitCodeOf } from "./ending.ts";
import { isUp, newestSubmissionId, waitingText } from "./phase.ts";

interface Attachment {
  readonly api: Api;
  readonly run: Run;
  /** Nobody wants to be asked: Ctrl-C leaves the run alone. */
  readonly yes: boolean;
  /** The job whose output it is, and what leads there meanwhile; whoever made it closes it. */
  readonly access: JobAccess;
  /** Told when the job runs, before its output. */
  readonly onUp: (run: Run) => Promise<void>;
  /** Where to begin in the output that there is. */
  readonly begin?: LogBegin;
}

/** Stays with a run until its end: shows that it starts, what it prints, how it ended. Returns the exit code. */
export const attachToRun = async (ctx: Context, attachment: Attachment): Promise<number> => {
  const { api, run, yes } = attachment;
  using interrupt = ctx.interrupts.listen();
  try {
    return await follow(ctx, attachment, interrupt.signal);
  } catch (err) {
    if (!interrupt.signal.aborted) throw err;
  }
  return detachFrom(ctx, { api, run, yes });
};

const follow = async (ctx: Context, attachment: Attachment, signal: AbortSignal): Promise<number> => {
  const { api, run, access, onUp } = attachment;
  const tracked = trackLines(ctx.out);
  const out = rewriteUrls(ctx, tracked, () => access.urls);
  const outage = createOutage(ctx);
  let begin = attachment.begin;
  let log: FollowedLog | undefined;
  let live = startLive(ctx, waitingText(run));
  const onChange = (next: Run) => {
    live.show(waitingText(next), renderRuns(ctx.out, [next], { isVerbose: false, time: hourAndMinute }));
    followNewest(next);
  };
  await using feed = openFeed(ctx, { api, run, outage, signal, onChange });
  using _awake = watchWake({ clock: ctx.clock, url: api.connection.url }, () => {
    outage.slept();
    feed.renew();
    access.renew();
  });
  /** Asks for the output of an attempt as soon as there is one: it comes when it comes. */
  const followNewest = (next: Run) => {
    const submissionId = newestSubmissionId(next, access.wanted);
    if (submissionId === undefined || submissionId === log?.submissionId) return;
    log = followLog({ ...ctx, out }, { api, feed, outage, submissionId, signal, ...(begin && { begin }) });
    // Another attempt is shown from its beginning.
    begin = undefined;
    access.follow(next);
  };
  access.begin(outage);
  followNewest(run);
  try {
    for (;;) {
      const up = await feed.until((next) => isUp(next, access.wanted));
      live[Symbol.dispose]();
      await unlessAborted(signal, onUp(up));
      const shown = log;
      await shown?.print();
      endOutput(out, tracked);
      const next = await nextState(feed, access, shown?.submissionId);
      if (isFinalRun(next.status)) {
        for (const line of endingLines(next)) printMessage(ctx.out, line);
        return exitCodeOf(next);
      }
      live = startLive(ctx, waitingText(next));
    }
  } finally {
    live[Symbol.dispose]();
    out.flush();
  }
};

const endOutput = (out: UrlOutput, tracked: ReturnType<typeof trackLines>): void => {
  out.flush();
  tracked.endLine();
};

/** Over, or another attempt has begun. */
const nextState = (feed: RunFeed, access: JobAccess, submissionId: string | undefined): Promise<Run> =>
  feed.until(
    (run) =>
      isFinalRun(run.status) ||
      run.status === "pending" ||
      newestSubmissionId(run, access.wanted) !== submissionId,
  );
