/** The only source of time for rules and loops; tests hand in their own. Milliseconds since 1970. */
export interface Clock {
  now(): number;
  /** Calls `fire` once, `ms` from now; the returned function cancels. */
  after(ms: number, fire: () => void): () => void;
}

/** `setTimeout` takes at most 2^31-1 ms; a longer wait is asked for again when it is over. */
const LONGEST_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (ms, fire) => {
    const timer = setTimeout(fire, Math.min(Math.max(ms, 0), LONGEST_MS));
    return () => clearTimeout(timer);
  },
};
