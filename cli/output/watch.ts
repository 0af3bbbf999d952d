import type { Context } from "../context.ts";
import { delayOn } from "../process/delayOn.ts";
import { createRedrawn } from "./redraw.ts";

const EVERY_MS = 2_000;

/**
 * Shows a table again and again until Ctrl-C, and leaves the last one behind. Without a terminal only that one is
 * printed (docs/spec/cli.md §1).
 */
export const watchTable = async (
  ctx: Context,
  render: () => Promise<string>,
  { everyMs = EVERY_MS } = {},
): Promise<void> => {
  using interrupt = ctx.interrupts.listen();
  const place = createRedrawn(ctx.out);
  let shown = "";
  while (!interrupt.signal.aborted) {
    shown = await render();
    if (ctx.out.isTerminal) place.draw(shown);
    await delayOn(ctx.clock, everyMs, interrupt.signal);
  }
  if (ctx.out.isTerminal) place.settle();
  else ctx.out.write(shown);
};
