import type { Clock } from "../../shared/clock.ts";

/** How many logins of an address may come to nothing at once, and how many more with each second. */
const BURST = 200;
const PER_SECOND = 20;
/** Addresses that are remembered; those that have been quiet are forgotten first. */
const MOST_ADDRESSES = 10_000;

interface Bucket {
  left: number;
  at: number;
}

/** Bounds what is spent on the keys of those who do not log in: an exchange of keys takes milliseconds of a processor. */
export class LoginRate {
  readonly #clock: Clock;
  /** The one that was used last is the last. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** False: there were too many. */
  begin(address: string): boolean {
    const bucket = this.#bucketOf(address);
    if (bucket.left < 1) return false;
    bucket.left -= 1;
    return true;
  }

  /** It was none of those that come to nothing. */
  loggedIn(address: string): void {
    const bucket = this.#bucketOf(address);
    bucket.left = Math.min(BURST, bucket.left + 1);
  }

  #bucketOf(address: string): Bucket {
    const now = this.#clock.steady();
    const { left, at } = this.#buckets.get(address) ?? { left: BURST, at: now };
    const bucket = { left: Math.min(BURST, left + ((now - at) / 1_000) * PER_SECOND), at: now };
    this.#buckets.delete(address);
    this.#buckets.set(address, bucket);
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size <= MOST_ADDRESSES) break;
      this.#buckets.delete(oldest);
    }
    return bucket;
  }
}
