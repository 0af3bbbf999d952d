/** Remembers that something rang until somebody has waited for it: a ring between two waits is not lost. */
export interface Alarm {
  ring(): void;
  /** Resolves with the next ring, or when the signal aborts. */
  wait(signal: AbortSignal): Promise<void>;
}

export const createAlarm = (): Alarm => {
  let hasRung = false;
  let resume = (): void => {};
  return {
    ring: () => {
      hasRung = true;
      resume();
    },
    wait: async (signal) => {
      if (!hasRung && !signal.aborted) {
        const { promise, resolve } = Promise.withResolvers<void>();
        resume = resolve;
        signal.addEventListener("abort", resume, { once: true });
        await promise;
        signal.removeEventListener("abort", resume);
      }
      hasRung = false;
    },
  };
};
