/** What happened to the submissions of one load, by performance.now(). */
export class JobTimes {
  readonly started = new Map<string, number>();
  readonly confirmed = new Map<string, number>();
  /** Started a second time: must stay empty. */
  readonly startedTwice: string[] = [];
  /** Submitted and not ended. */
  open = 0;
  readonly #waiting = new Map<string, () => void>();
  #room: (() => void)[] = [];

  noteStarted(id: string): void {
    if (this.started.has(id)) this.startedTwice.push(id);
    this.started.set(id, performance.now());
  }

  noteConfirmed(id: string): void {
    this.confirmed.set(id, performance.now());
    this.#waiting.get(id)?.();
    this.#waiting.delete(id);
  }

  noteEnded(): void {
    this.open--;
    this.#room.shift()?.();
  }

  /** Resolves once fewer than `most` are open; one more is from then on. */
  async openOne(most: number): Promise<void> {
    while (this.open >= most) await new Promise<void>((resolve) => this.#room.push(resolve));
    this.open++;
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
