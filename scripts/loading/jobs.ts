/** What happened to the submissions of one load, by performance.now(). */
export class JobTimes {
  readonly started = new Map<string, number>();
  readonly confirmed = new Map<string, number>();
  /** Started a second time: must stay empty. */
  readonly startedTwice: string[] = [];
  readonly #waiting = new Map<string, () => void>();

  noteStarted(id: string): void {
    if (this.started.has(id)) this.startedTwice.push(id);
    this.started.set(id, performance.now());
  }

  noteConfirmed(id: string): void {
    this.confirmed.set(id, performance.now());
    this.#waiting.get(id)?.();
    this.#waiting.delete(id);
  }

  /** Resolves, with the moment, once a host's claim of the submission is durable. */
  async whenConfirmed(id: string): Promise<number> {
    const at = this.confirmed.get(id);
    if (at !== undefined) return at;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.set(id, resolve);
    await promise;
    return this.confirmed.get(id) ?? Number.NaN;
  }
}
