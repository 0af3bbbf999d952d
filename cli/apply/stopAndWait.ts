import type { Run } from "../../shared/api/runs.ts";
import { isFinalRun } from "../../shared/states.ts";
import type { Api } from "../api/client.ts";
import { stopRun } from "../api/runs.ts";
import { openFeed } from "../attach/feed.ts";
import { createOutage } from "../attach/outage.ts";
import type { Context } from "../context.ts";
import { startLive } from "../output/live.ts";

interface Stopping {
  readonly api: Api;
  readonly run: Run;
  readonly signal: AbortSignal;
}

/** Stops a run gracefully and waits for its end. Rejects when the signal aborts. */
export const stopAndWait = async (ctx: Context, { api, run, signal }: Stopping): Promise<void> => {
  using _ = startLive(ctx, "Stopping run...");
  await stopRun(api, run.run_spec.run_name ?? "", false);
  await using feed = openFeed(ctx, { api, run, outage: createOutage(ctx), signal });
  await feed.until(({ status }) => isFinalRun(status));
};
