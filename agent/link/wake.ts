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
      signal.addEventListener("abort", () => resolve(), { once: true });
      await promise;
      clearTimeout(timer);
      this.#resume = undefined;
    }
    this.#isDue = false;
  }
}
