import type { Context } from "../context.ts";
import { delayOn } from "../process/delayOn.ts";

const EVERY_MS = 2_000;

/**
 * Shows a table again and again until Ctrl-C. Without a terminal only the last one is printed, at the end
 * (docs/spec/cli.md §1).
 */
export const watchTable = async (ctx: Context, render: () => Promise<string>): Promise<void> => {
  using interrupt = ctx.interrupts.listen();
  let shown = "";
  while (!interrupt.signal.aborted) {
    const table = await render();
    if (ctx.out.isTerminal) {
      const rows = shown.split("\n").length - 1;
      ctx.out.write(`${rows > 0 ? `\x1b[${rows}A\r\x1b[J` : ""}${table}`);
    }
    shown = table;
    await delayOn(ctx.clock, EVERY_MS, interrupt.signal);
  }
  if (!ctx.out.isTerminal) ctx.out.write(shown);
};
