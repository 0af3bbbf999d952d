import type { Clock } from "../clock.ts";

/** A clock that stands still until `advance` moves it; due timers fire in order, each at its own time. */
export class FakeClock implements Clock {
  /** The steady time begins at 0; what `now` says beyond it can be changed. */
  #steady = 0;
  #epoch: number;
  #timers: { at: number; fire: () => void }[] = [];

  constructor(now = Date.UTC(2026, 0, 1)) {
    this.#epoch = now;
  }

  now(): number {
    return this.#epoch + this.#steady;
  }

  steady(): number {
    return this.#steady;
  }

  after(ms: number, fire: () => void): () => void {
    const timer = { at: this.#steady + ms, fire };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((t) => t !== timer);
    };
  }

  advance(ms: number): void {
    const until = this.#steady + ms;
    for (;;) {
      const due = this.#timers.filter((t) => t.at <= until).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers = this.#timers.filter((t) => t !== due);
      this.#steady = Math.max(this.#steady, due.at);
      due.fire();
    }
    this.#steady = until;
  }

  /** Puts the machine's clock forward, or back: no time passes. */
  jump(ms: number): void {
    this.#epoch += ms;
  }
}
