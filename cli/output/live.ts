import type { Context } from "../context.ts";
import { rowsOf } from "./wrap.ts";

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 100;

/** A part of the screen that is drawn again and again, and gone when it is disposed of. */
export interface Live extends Disposable {
  /** What is said beside the spinner, and what stands under it, from now on. */
  show(label: string, below?: string): void;
}

/** Says that something is being waited for. Prints nothing where there is no terminal (docs/spec/cli.md §1). */
export const startLive = (ctx: Context, firstLabel: string): Live => {
  if (!ctx.out.isTerminal || ctx.env["TERM"] === "dumb")
    return { show: () => {}, [Symbol.dispose]: () => {} };
  let label = firstLabel;
  let below = "";
  let drawnRows = 0;
  let frame = 0;
  let isOver = false;
  let cancel = () => {};

  const erase = () => {
    if (drawnRows > 0) ctx.out.write(`\x1b[${drawnRows}A\r\x1b[J`);
    drawnRows = 0;
  };
  const draw = () => {
    erase();
    const text = `${FRAMES[frame % FRAMES.length]} ${label}\n${below}`;
    ctx.out.write(text);
    drawnRows = rowsOf(text, ctx.out.columns ?? 80);
  };
  const tick = () => {
    if (isOver) return;
    draw();
    frame++;
    cancel = ctx.clock.after(FRAME_MS, tick);
  };
  tick();
  return {
    show: (nextLabel, nextBelow = "") => {
      label = nextLabel;
      below = nextBelow;
      if (!isOver) draw();
    },
    [Symbol.dispose]: () => {
      isOver = true;
      cancel();
      erase();
    },
  };
};
