import type { Context, Output } from "../context.ts";
import { wrap } from "./wrap.ts";

/** One message, wrapped where the width is known; lines in a pipe are left whole, for those who grep. */
export const printMessage = (out: Output, text: string): void =>
  out.write(`${(out.columns === undefined ? [text] : wrap(text, out.columns)).join("\n")}\n`);

/** `[HH:MM:SS] INFO     text`, as log lines look on the console (docs/spec/cli.md §1). */
export const printInfo = (ctx: Context, text: string): void =>
  ctx.out.write(`[${clockTime(ctx.clock.now())}] INFO     ${text}\n`);

const clockTime = (ms: number): string => {
  const date = new Date(ms);
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((n) => String(n).padStart(2, "0"))
    .join(":");
};
