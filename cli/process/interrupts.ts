import type { Interrupts } from "../context.ts";

/** Interrupts with a way to send one; `onUnheard` is called when nobody listens. */
export const createInterrupts = (onUnheard: () => void): Interrupts & { interrupt(): void } => {
  const listeners: AbortController[] = [];
  return {
    listen: () => {
      const listener = new AbortController();
      listeners.push(listener);
      return {
        signal: listener.signal,
        [Symbol.dispose]: () => {
          const at = listeners.indexOf(listener);
          if (at >= 0) listeners.splice(at, 1);
        },
      };
    },
    interrupt: () => {
      const newest = listeners.findLast((each) => !each.signal.aborted);
      if (newest) newest.abort();
      else onUnheard();
    },
  };
};
