import type { Clock } from "../../shared/clock.ts";

/** What waits for time: one moment per key, one timer that watches the nearest. Rebuilt from the store at start. */
export class WakeTimers {
  readonly #clock: Clock;
  readonly #fire: (key: string) => void;
  readonly #at = new Map<string, number>();
  #cancel: (() => void) | undefined;
  #watched = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, fire: (key: string) => void) {
    this.#clock = clock;
    this.#fire = fire;
  }

  /** Sets or, with null, removes the moment at which `key` is to be looked at. */
  set(key: string, at: number | null): void {
    if (at === null) this.#at.delete(key);
    else this.#at.set(key, at);
    if (at !== null && at < this.#watched) this.#watch();
  }

  close(): void {
    this.#cancel?.();
    this.#at.clear();
  }

  #watch(): void {
    this.#cancel?.();
    this.#watched = Math.min(...this.#at.values());
    if (this.#watched === Number.POSITIVE_INFINITY) return;
    this.#cancel = this.#clock.after(this.#watched - this.#clock.now(), () => this.#due());
  }

  #due(): void {
    const now = this.#clock.now();
    const due = [...this.#at].filter(([, at]) => at <= now).sort((a, b) => a[1] - b[1]);
    for (const [key] of due) this.#at.delete(key);
    this.#watch();
    for (const [key] of due) this.#fire(key);
  }
}
