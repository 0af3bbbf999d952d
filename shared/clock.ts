/** The only source of time for rules and loops; tests hand in their own. */
export interface Clock {
  /** Milliseconds since 1970 by the machine's clock, which may be put forward or back at any moment. */
  now(): number;
  /**
   * Milliseconds that only pass, from a start of the clock's own: for how long something lasts where somebody relies on
   * it. Means nothing to another process, unless its clock says so.
   */
  steady(): number;
  /** Calls `fire` once, `ms` from now; the returned function cancels. */
  after(ms: number, fire: () => void): () => void;
}

/** `setTimeout` takes at most 2^31-1 ms, and fires at once where it is given more. */
const LONGEST_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  steady: () => performance.now(),
  after: (ms, fire) => {
    let timer: ReturnType<typeof setTimeout>;
    const wait = (leftMs: number): void => {
      const partMs = Math.min(Math.max(leftMs, 0), LONGEST_MS);
      timer = setTimeout(() => (leftMs > partMs ? wait(leftMs - partMs) : fire()), partMs);
    };
    wait(ms);
    return () => clearTimeout(timer);
  },
};
