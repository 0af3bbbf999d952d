import type { Clock } from "../../shared/clock.ts";

/** `claim`: that the agent takes the job it was given; `stop`: that it says the job is over. */
export type Awaited = "claim" | "stop";

/**
 * Since when this process has waited for something that somebody else does by their own clock. It counts by the steady
 * clock, and anew after a restart: a machine's clock that was put forward must not cut a promise short.
 */
export class Waits {
  readonly #clock: Pick<Clock, "steady">;
  readonly #since = new Map<string, Partial<Record<Awaited, number>>>();

  constructor(clock: Pick<Clock, "steady">) {
    this.#clock = clock;
  }

  /** Steady time; the first to ask begins the wait. */
  since(submissionId: string, what: Awaited): number {
    const known = this.#since.get(submissionId) ?? {};
    this.#since.set(submissionId, known);
    known[what] ??= this.#clock.steady();
    return known[what];
  }

  /** It is asked for anew. */
  renew(submissionId: string, what: Awaited): void {
    this.#since.set(submissionId, {
      ...this.#since.get(submissionId),
      [what]: this.#clock.steady(),
    });
  }

  /** The submission is over. */
  forget(submissionId: string): void {
    this.#since.delete(submissionId);
  }
}
