const HOUR_MS = 3_600_000;

/** What a job may print in an hour where nobody says otherwise. */
const LOG_QUOTA_PER_HOUR = 1024 ** 3;

export interface LogQuotaOptions {
  /** Bytes; 0: no bound. */
  perHour?: number | null | undefined;
  now?: () => number;
}

/**
 * How much of a job's output is kept. What is over is dropped, with a notice in its place, and the job goes on: losing
 * output is better than losing the job.
 */
export class LogQuota {
  readonly #perHour: number;
  readonly #now: () => number;
  #windowAt: number;
  #kept = 0;
  #isOver = false;

  constructor({ perHour, now = Date.now }: LogQuotaOptions = {}) {
    const bytes = perHour ?? LOG_QUOTA_PER_HOUR;
    this.#perHour = bytes === 0 ? Number.POSITIVE_INFINITY : bytes;
    this.#now = now;
    this.#windowAt = now();
  }

  /** How many of the next `length` bytes are kept; `notice`: to be written behind them, the rest is dropped. */
  take(length: number): { kept: number; notice?: string } {
    const now = this.#now();
    // A clock that is set back must not close the window for longer than an hour.
    if (now - this.#windowAt >= HOUR_MS || now < this.#windowAt) {
      this.#windowAt = now;
      this.#kept = 0;
      this.#isOver = false;
    }
    const kept = Math.min(length, this.#perHour - this.#kept);
    this.#kept += kept;
    if (kept === length || this.#isOver) return { kept };
    this.#isOver = true;
    return { kept, notice: `output over ${this.#perHour} bytes in an hour is dropped` };
  }
}

/** A line of the agent's own among the job's, as a terminal shows it; `isFirst`: nothing stands above it. */
export const noticeLine = (text: string, isFirst = false): Buffer =>
  Buffer.from(`${isFirst ? "" : "\r\n"}[dstack] ${text}\r\n`);
