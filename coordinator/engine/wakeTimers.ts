import type { Clock } from "../../shared/clock.ts";

/** How often it is looked whether the machine's clock was put forward or back, and by how much it has to be. */
const JUMP_LOOK_MS = 300_000;
const JUMP_MS = 1_000;

/** What waits for time: one moment per key, one timer that watches the nearest. Rebuilt from the store at start. */
export class WakeTimers {
  readonly #clock: Clock;
  readonly #fire: (key: string) => void;
  /** Steady time: moments that were told by the machine's clock are told anew when it jumps. */
  readonly #at = new Map<string, number>();
  #cancel: (() => void) | undefined;
  #watched = Number.POSITIVE_INFINITY;
  /** What the machine's clock is ahead of the steady time. */
  #ahead: number;

  constructor(clock: Clock, fire: (key: string) => void) {
    this.#clock = clock;
    this.#fire = fire;
    this.#ahead = clock.now() - clock.steady();
  }

  /** Sets or, with null, removes the moment (by the machine's clock) at which `key` is to be looked at. */
  set(key: string, at: number | null): void {
    if (at === null) {
      this.#at.delete(key);
      return;
    }
    const steady = this.#clock.steady() + at - this.#clock.now();
    this.#at.set(key, steady);
    if (steady < this.#watched) this.#watch();
  }

  close(): void {
    this.#cancel?.();
    this.#at.clear();
  }

  #watch(): void {
    this.#cancel?.();
    if (this.#at.size === 0) {
      this.#watched = Number.POSITIVE_INFINITY;
      return;
    }
    const now = this.#clock.steady();
    this.#watched = Math.min(now + JUMP_LOOK_MS, ...this.#at.values());
    this.#cancel = this.#clock.after(this.#watched - now, () => this.#due());
  }

  #due(): void {
    const now = this.#clock.steady();
    const ahead = this.#clock.now() - now;
    const hasJumped = Math.abs(ahead - this.#ahead) > JUMP_MS;
    this.#ahead = ahead;
    const due = [...this.#at].filter(([, at]) => hasJumped || at <= now).sort((a, b) => a[1] - b[1]);
    for (const [key] of due) this.#at.delete(key);
    this.#watch();
    for (const [key] of due) this.#fire(key);
  }
}
