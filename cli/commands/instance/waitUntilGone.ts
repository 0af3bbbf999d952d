import { fromWireTime } from "../../../shared/api/scalars.ts";
import type { Api } from "../../api/client.ts";
import { listInstances } from "../../api/instances.ts";
import type { Context } from "../../context.ts";
import { startLive } from "../../output/live.ts";
import { ago } from "../../output/time.ts";
import { delayOn } from "../../process/delayOn.ts";

const EVERY_MS = 1_000;

/** Waits until hosts that were told to leave have left; false: Ctrl-C. They leave in any case, when they can be told. */
export const waitUntilGone = async (ctx: Context, api: Api, names: readonly string[]): Promise<boolean> => {
  using interrupt = ctx.interrupts.listen();
  const told = new Set<string>();
  using _ = startLive(ctx, "Waiting for the host to leave...");
  while (!interrupt.signal.aborted) {
    const left = (await listInstances(api)).filter(({ name }) => names.includes(name));
    if (left.length === 0) return true;
    for (const { name, unreachable, unreachable_since: since } of left) {
      if (!unreachable || told.has(name)) continue;
      told.add(name);
      const silent = since === null ? "" : ` since ${ago(fromWireTime(since), ctx.clock.now())}`;
      ctx.err.write(
        `Nothing is heard of ${name}${silent}. It leaves when it is back; without --uninstall it is removed at once\n`,
      );
    }
    await delayOn(ctx.clock, EVERY_MS, interrupt.signal);
  }
  return false;
};
