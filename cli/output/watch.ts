import type { Context, Output } from "../context.ts";
import { delayOn } from "../process/delayOn.ts";
import { rowsOf } from "./wrap.ts";

const EVERY_MS = 2_000;

/**
 * Shows a table again and again until Ctrl-C. Without a terminal only the last one is printed, at the end
 * (docs/spec/cli.md §1).
 */
export const watchTable = async (
  ctx: Context,
  render: () => Promise<string>,
  { everyMs = EVERY_MS } = {},
): Promise<void> => {
  using interrupt = ctx.interrupts.listen();
  let shown = "";
  while (!interrupt.signal.aborted) {
    const table = await render();
    if (ctx.out.isTerminal) ctx.out.write(over(ctx.out, shown, table));
    shown = table;
    await delayOn(ctx.clock, everyMs, interrupt.signal);
  }
  if (!ctx.out.isTerminal) ctx.out.write(shown);
};

/** Each line takes the place of the old one, and only then what is left of that is erased: nothing ever flickers. */
const over = (out: Output, before: string, now: string): string => {
  const rows = rowsOf(before, out.columns ?? 80);
  const up = rows > 0 ? `\x1b[${rows}A\r` : "";
  return `${up}${now.replaceAll("\n", "\x1b[K\n")}\x1b[J`;
};
