/** A frame of so many bytes is of a stream that has more to send; a read of a socket seldom ends just below a full frame. */
const BULK_BYTES = 32 * 1024;
/** So long after its last such frame a stream is one of them, what is left over from its reads included. */
const BULK_MS = 1_000;
/** So long after somebody who sends little has done so, others are thought to wait for more of it. */
const COMPANY_MS = 2_000;

/** Whether in one link somebody sends as much as goes through, and somebody else a little now and then. */
export class Company {
  readonly #bulkAt = new WeakMap<object, number>();
  #lastBulkAt = Number.NEGATIVE_INFINITY;
  #littleAt = Number.NEGATIVE_INFINITY;

  /** A frame with so many bytes of data has gone out. */
  sent(stream: object, bytes: number, now: number): void {
    if (bytes >= BULK_BYTES) {
      this.#bulkAt.set(stream, now);
      this.#lastBulkAt = now;
      return;
    }
    const isBulk = now - (this.#bulkAt.get(stream) ?? Number.NEGATIVE_INFINITY) < BULK_MS;
    if (!isBulk && now - this.#lastBulkAt < BULK_MS) this.#littleAt = now;
  }

  isMixed(now: number): boolean {
    return now - this.#littleAt < COMPANY_MS;
  }
}
