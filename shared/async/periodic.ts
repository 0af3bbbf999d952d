import type { Clock } from "../clock.ts";

interface PeriodicOptions {
  clock: Pick<Clock, "after">;
  everyMs: number;
  /** Is to end soon once the signal aborts. */
  work: (signal: AbortSignal) => Promise<void>;
  /** It failed; the next time is a new try. */
  failed: (err: unknown) => void;
}

/** Work that is done at once and then every so often. What takes longer than that goes on by itself, and is not begun again. */
export class Periodic {
  readonly #options: PeriodicOptions;
  readonly #closing = new AbortController();
  #cancel: () => void;
  #running: Promise<void> | undefined;

  constructor(options: PeriodicOptions) {
    this.#options = options;
    this.#cancel = options.clock.after(0, () => this.#begin());
  }

  /** Resolves when nothing is being done any more. */
  async close(): Promise<void> {
    this.#cancel();
    this.#closing.abort();
    await this.#running;
  }

  #begin(): void {
    const { clock, everyMs, work, failed } = this.#options;
    this.#cancel = clock.after(everyMs, () => this.#begin());
    this.#running ??= work(this.#closing.signal)
      .catch(failed)
      .finally(() => {
        this.#running = undefined;
      });
  }
}
