/** Longer waits after each failure, and never the same on two hosts: a coordinator that comes back is not overrun. */
export class Backoff {
  readonly #firstMs: number;
  readonly #longestMs: number;
  #nextMs: number;

  constructor({ firstMs = 100, longestMs = 15_000 } = {}) {
    this.#firstMs = firstMs;
    this.#longestMs = longestMs;
    this.#nextMs = firstMs;
  }

  /** How long to wait before the next try. */
  next(): number {
    const waitMs = this.#nextMs * (0.5 + Math.random());
    this.#nextMs = Math.min(this.#nextMs * 2, this.#longestMs);
    return waitMs;
  }

  reset(): void {
    this.#nextMs = this.#firstMs;
  }
}
