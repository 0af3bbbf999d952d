import type { Clock } from "../../shared/clock.ts";
import { newKeyPair } from "../../shared/ssh/hostKey.ts";

interface Issued {
  submissionId: string;
  private: string;
  until: number;
}

/** A proxy keeps an answer for ten seconds, and then has as many to dial (docs/spec/agent.md §3). */
const GOOD_MS = 60_000;
/** A key that is still good for so long is given again. */
const ENOUGH_MS = 30_000;

/** Keys that the coordinator makes for others to log in with, each to one job and for a moment; nowhere but in memory. */
export class IssuedKeys {
  readonly #clock: Clock;
  /** By their public half, in the form of `authorized_keys`, the oldest first. */
  readonly #keys = new Map<string, Issued>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The private half. */
  issue(submissionId: string): string {
    const now = this.#clock.steady();
    for (const [key, { until }] of this.#keys) {
      if (until > now) break;
      this.#keys.delete(key);
    }
    const present = [...this.#keys.values()].findLast((one) => one.submissionId === submissionId);
    if (present && present.until - now > ENOUGH_MS) return present.private;
    const pair = newKeyPair();
    this.#keys.set(pair.public, { submissionId, private: pair.private, until: now + GOOD_MS });
    return pair.private;
  }

  submissionOf(key: string): string | undefined {
    const issued = this.#keys.get(key);
    return issued && issued.until > this.#clock.steady() ? issued.submissionId : undefined;
  }
}
