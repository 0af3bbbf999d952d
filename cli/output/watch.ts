import { Unreachable } from "../api/refusal.ts";
import type { Context } from "../context.ts";
import { delayOn } from "../process/delayOn.ts";
import { createRedrawn } from "./redraw.ts";
import { styled } from "./style.ts";

const EVERY_MS = 2_000;
const LOST = "The server does not answer, trying again...";

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
  const { signal } = interrupt;
  const left = Promise.withResolvers<undefined>();
  signal.addEventListener("abort", () => left.resolve(undefined), { once: true });
  const place = createRedrawn(ctx.out);
  let shown = "";
  const draw = (note: string) => {
    if (ctx.out.isTerminal) place.draw(`${shown}${note}`);
  };
  while (!signal.aborted) {
    try {
      // Whoever leaves does not wait for a server that does not answer.
      const rendered = await Promise.race([render(), left.promise]);
      if (rendered === undefined) break;
      shown = rendered;
      draw("");
    } catch (err) {
      // A server that starts again is waited for, once it was there.
      if (shown === "" || !(err instanceof Unreachable)) throw err;
      draw(`${styled(ctx.out, LOST, "yellow")}\n`);
    }
    await delayOn(ctx.clock, everyMs, signal);
  }
  if (ctx.out.isTerminal) place.settle(shown);
  else ctx.out.write(shown);
};
