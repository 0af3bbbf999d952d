import type { Context, Output } from "../context.ts";
import { createRedrawn } from "./redraw.ts";

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 100;

/** A part of the screen that is drawn again and again, and gone when it is disposed of. */
export interface Live extends Disposable {
  /** What is said beside the spinner, and what stands under it, from now on. */
  show(label: Label, below?: string): void;
}

/** A function is asked again for every frame. */
type Label = string | (() => string);

/** What is drawn on an output at the moment, to be ended by who did not begin it. */
const drawn = new WeakMap<Output, () => void>();

/** Clears the way for the last words of a command: what was waited for may go on unheard. */
export const endLive = (out: Output): void => drawn.get(out)?.();

/** Says that something is being waited for. Prints nothing where there is no terminal (docs/spec/cli.md §1). */
export const startLive = (ctx: Context, firstLabel: Label): Live => {
  if (!ctx.out.isTerminal || ctx.env["TERM"] === "dumb")
    return { show: () => {}, [Symbol.dispose]: () => {} };
  const place = createRedrawn(ctx.out);
  let label = firstLabel;
  let below = "";
  let frame = 0;
  let isOver = false;
  let cancel = () => {};

  const draw = () => {
    const text = typeof label === "string" ? label : label();
    place.draw(`${FRAMES[frame % FRAMES.length]} ${text}\n${below}`);
  };
  const tick = () => {
    if (isOver) return;
    draw();
    frame++;
    cancel = ctx.clock.after(FRAME_MS, tick);
  };
  const end = () => {
    if (isOver) return;
    isOver = true;
    cancel();
    place.erase();
  };
  drawn.set(ctx.out, end);
  tick();
  return {
    show: (nextLabel, nextBelow = "") => {
      label = nextLabel;
      below = nextBelow;
      if (!isOver) draw();
    },
    [Symbol.dispose]: end,
  };
};
