import type { Context } from "../context.ts";

/** Ctrl-C where nothing has been done yet that would have to be undone (docs/spec/cli.md §4). */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  override readonly message = "Operation interrupted by user. Exiting...";
}

/** Waits for something, or throws `Interrupted` at Ctrl-C; what is under way is left to itself. */
export const interruptible = async <T>(
  ctx: Context,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  using interrupt = ctx.interrupts.listen();
  const interrupted = Promise.withResolvers<never>();
  const onAbort = () => interrupted.reject(new Interrupted());
  interrupt.signal.addEventListener("abort", onAbort, { once: true });
  const working = work(interrupt.signal);
  // Whoever loses the race must not be reported as unheard.
  working.catch(() => {});
  try {
    return await Promise.race([working, interrupted.promise]);
  } finally {
    interrupt.signal.removeEventListener("abort", onAbort);
  }
};
