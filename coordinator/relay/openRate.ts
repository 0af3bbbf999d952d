/** So many seconds' worth may come at once: a page, a test that opens hundreds of connections. */
const BURST_S = 5;

/** How often somebody has opened something of late. */
export class OpenRate {
  #left: number;
  #at: number;

  constructor(perSecond: number, now: number) {
    this.#left = perSecond * BURST_S;
    this.#at = now;
  }

  /** One more, unless there were too many. */
  take(perSecond: number, now: number): boolean {
    this.#left = Math.min(perSecond * BURST_S, this.#left + ((now - this.#at) / 1000) * perSecond);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
