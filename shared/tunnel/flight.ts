const LEAST_BYTES = 128 * 1024;
const MOST_BYTES = 16 * 1024 * 1024;
const FIRST_BYTES = 256 * 1024;
/** Acknowledgements may take so much longer than the way itself; more means that something queues. */
const SLACK_MS = 15;
/** It grows so much within a round trip: until something queued for the first time, and from then on. */
const [FIRST_GROWTH, GROWTH] = [2, 1.4];
const SHRINKING = 0.8;
/** The shortest round trip is looked for anew, for a way may have become longer. */
const FORGET_MS = 20_000;
/** So many acknowledgements in a row have to be late: one by one they are for reasons of their own. */
const LATE_IN_A_ROW = 4;
/** So many acknowledgements tell how long the way is, the shortest of them. */
const LOOKS = 8;

/** Next to nothing is on the way, so that what its acknowledgements take is the way alone. */
interface Look {
  readonly since: number;
  readonly windowAfter: number;
  left: number;
  shortestMs: number;
}

/**
 * How much of a link may be on its way. It follows the delay and not the loss: what is sent lies in queues of the
 * system that nobody sees, so it grows while more of it costs no time, and shrinks when it does. A stream that has just
 * begun then waits behind about one round trip of others', whatever their number (as LEDBAT does, RFC 6817). How long
 * the way is without a queue is looked at now and then with little on it (as BBR does), also where that little takes
 * its time: a machine that is busy is no queue of ours.
 */
export class Flight {
  #window = FIRST_BYTES;
  #shortestMs = Number.POSITIVE_INFINITY;
  #shortestAt = 0;
  #isLimiting = false;
  /** What was sent before says nothing of the window that is now. */
  #changedAt = Number.NEGATIVE_INFINITY;
  #growth = FIRST_GROWTH;
  #lateInARow = 0;
  #look: Look | undefined;

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
    const sentAt = now - ms;
    if (ms <= this.#shortestMs) [this.#shortestMs, this.#shortestAt] = [ms, now];
    if (this.#look) {
      if (sentAt >= this.#look.since) this.#take(this.#look, ms, now);
      return;
    }
    if (sentAt < this.#changedAt) return;
    this.#lateInARow = ms > 2 * this.#shortestMs + SLACK_MS ? this.#lateInARow + 1 : 0;
    const isQueued = this.#lateInARow >= LATE_IN_A_ROW;
    if (isQueued) this.#growth = GROWTH;
    if ((isQueued && this.#window === LEAST_BYTES) || now - this.#shortestAt > FORGET_MS)
      this.#beginLook(now);
    else if (isQueued) this.#change(Math.max(LEAST_BYTES, this.#window * SHRINKING), now);
    else if (this.#lateInARow === 0 && this.#isLimiting)
      this.#change(Math.min(MOST_BYTES, this.#window * this.#growth), now);
    if (this.#lateInARow === 0) this.#isLimiting = false;
  }

  #change(window: number, now: number): void {
    this.#window = window;
    this.#changedAt = now;
    this.#lateInARow = 0;
  }

  #beginLook(now: number): void {
    const windowAfter = this.#window;
    this.#look = { since: now, windowAfter, left: LOOKS, shortestMs: Number.POSITIVE_INFINITY };
    this.#change(LEAST_BYTES, now);
  }

  #take(look: Look, ms: number, now: number): void {
    look.shortestMs = Math.min(look.shortestMs, ms);
    look.left -= 1;
    if (look.left > 0) return;
    this.#look = undefined;
    [this.#shortestMs, this.#shortestAt] = [look.shortestMs, now];
    this.#change(look.windowAfter, now);
  }
}
