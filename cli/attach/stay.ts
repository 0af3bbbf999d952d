import type { Run } from "../../shared/api/runs.ts";
import { isFinalRun } from "../../shared/states.ts";
import type { Api } from "../api/client.ts";
import { endingLines, exitCodeOf } from "../apply/ending.ts";
import { isUp, waitingText } from "../apply/phase.ts";
import type { Context } from "../context.ts";
import { startLive } from "../output/live.ts";
import { printMessage } from "../output/message.ts";
import { hourAndMinute } from "../output/time.ts";
import { unlessAborted } from "../process/unlessAborted.ts";
import { watchWake } from "../process/wake.ts";
import { renderRuns } from "../views/runs.ts";
import type { JobAccess } from "./access.ts";
import { openFeed } from "./feed.ts";
import { createOutage } from "./outage.ts";

interface Staying {
  readonly api: Api;
  readonly run: Run;
  readonly access: JobAccess;
  /** Told once, when the job runs. */
  readonly onUp: (run: Run) => Promise<void>;
}

/** Stays with a job, without its output, until the run is over or Ctrl-C. Returns the exit code. */
export const stayAttached = async (ctx: Context, { api, run, access, onUp }: Staying): Promise<number> => {
  using interrupt = ctx.interrupts.listen();
  const { signal } = interrupt;
  using live = startLive(ctx, waitingText(run));
  const onChange = (next: Run) => {
    live.show(waitingText(next), renderRuns(ctx.out, [next], { isVerbose: false, time: hourAndMinute }));
    access.follow(next);
  };
  const outage = createOutage(ctx);
  await using feed = openFeed(ctx, { api, run, outage, signal, onChange });
  using _awake = watchWake({ clock: ctx.clock, url: api.connection.url }, () => {
    outage.slept();
    feed.renew();
    access.renew();
  });
  access.begin(outage);
  access.follow(run);
  try {
    const up = await feed.until((next) => isUp(next, access.wanted));
    live[Symbol.dispose]();
    await unlessAborted(signal, onUp(up));
    const ended = await feed.until((next) => isFinalRun(next.status));
    for (const line of endingLines(ended)) printMessage(ctx.out, line);
    return exitCodeOf(ended);
  } catch (err) {
    if (!signal.aborted) throw err;
    live[Symbol.dispose]();
    ctx.out.write("\nDetached\n");
    return 0;
  }
};
