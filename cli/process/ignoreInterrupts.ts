import type { Interrupts } from "../context.ts";

/** Ctrl-C is somebody else's, like a child's at the same terminal, until this is disposed of. */
export const ignoreInterrupts = (interrupts: Interrupts): Disposable => {
  let listening = interrupts.listen();
  let isOver = false;
  const next = () => {
    listening[Symbol.dispose]();
    if (isOver) return;
    listening = interrupts.listen();
    listening.signal.addEventListener("abort", next, { once: true });
  };
  listening.signal.addEventListener("abort", next, { once: true });
  return {
    [Symbol.dispose]: () => {
      isOver = true;
      listening[Symbol.dispose]();
    },
  };
};
