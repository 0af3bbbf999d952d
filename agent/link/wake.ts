/** Wakes whoever waits; a call that comes while nobody waits is remembered, any number of them as one. */
export class Wake {
  #isDue = false;
  #resume: (() => void) | undefined;

  wake(): void {
    this.#isDue = true;
    this.#resume?.();
  }

  /** Resolves when woken, after `ms`, or when the signal aborts; one waiter at a time. */
  async wait(signal: AbortSignal, ms?: number): Promise<void> {
    if (!this.#isDue && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#resume = resolve;
      const timer = ms === undefined ? undefined : setTimeout(resolve, ms);
      const abort = () => resolve();
      signal.addEventListener("abort", abort, { once: true });
      await promise;
      clearTimeout(timer);
      // The signal lives as long as the agent, and would keep every wait of its life.
      signal.removeEventListener("abort", abort);
      this.#resume = undefined;
    }
    this.#isDue = false;
  }
}
