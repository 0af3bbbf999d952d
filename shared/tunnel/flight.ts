const LEAST_BYTES = 128 * 1024;
const MOST_BYTES = 16 * 1024 * 1024;
const FIRST_BYTES = 256 * 1024;
/** Acknowledgements may take so much longer than the way itself; more means that something queues. */
const SLACK_MS = 15;
/** The shortest round trip is looked for anew, for a way may have become longer. */
const FORGET_MS = 20_000;

/**
 * How much of a link may be on its way. It follows the delay and not the loss: what is sent lies in queues of the
 * system that nobody sees, so it grows while more of it costs no time, and shrinks when it does. A stream that has just
 * begun then waits behind about one round trip of others', whatever their number (as LEDBAT does, RFC 6817).
 */
export class Flight {
  #window = FIRST_BYTES;
  #shortestMs = Number.POSITIVE_INFINITY;
  #shortestAt = 0;
  #isLimiting = false;

  get window(): number {
    return this.#window;
  }

  /** The shortest round trip of late, milliseconds; undefined: none was measured. */
  get roundTripMs(): number | undefined {
    return Number.isFinite(this.#shortestMs) ? this.#shortestMs : undefined;
  }

  /** More would have been sent, had the window allowed it. */
  limited(): void {
    this.#isLimiting = true;
  }

  /** A frame was acknowledged `ms` after it was sent. */
  sample(ms: number, now: number): void {
    if (ms <= this.#shortestMs || now - this.#shortestAt > FORGET_MS) {
      this.#shortestMs = ms;
      this.#shortestAt = now;
    }
    const isQueued = ms > 2 * this.#shortestMs + SLACK_MS;
    if (isQueued) this.#window = Math.max(LEAST_BYTES, this.#window * 0.8);
    else if (this.#isLimiting) this.#window = Math.min(MOST_BYTES, this.#window * 1.5);
    this.#isLimiting = false;
  }
}
