/** How many channels a connection has open, and when it has none left. */
export class Channels {
  readonly #most: number;
  readonly #use: () => () => void;
  readonly #whenNone: (() => void)[] = [];
  readonly #leaving = new Set<() => void>();
  #open = 0;

  /** `use`: somebody uses the job, until what it returns is called. */
  constructor(most: number, use: () => () => void) {
    this.#most = most;
    this.#use = use;
  }

  get isFull(): boolean {
    return this.#open >= this.#most;
  }

  /** `isUse`: a user has asked for it, to use the job. */
  opened(channel: Closing, { isUse }: { isUse: boolean }): void {
    this.#open += 1;
    const leave = isUse ? this.#use() : () => {};
    this.#leaving.add(leave);
    channel.once("close", () => {
      if (this.#leaving.delete(leave)) leave();
      this.#open -= 1;
      if (this.#open === 0) for (const act of this.#whenNone.splice(0)) act();
    });
  }

  /** The connection is over: not every channel is told so. */
  leaveAll(): void {
    const all = [...this.#leaving];
    this.#leaving.clear();
    for (const leave of all) leave();
  }

  /** At once, or when the last of them is closed. */
  whenNone(act: () => void): void {
    if (this.#open === 0) act();
    else this.#whenNone.push(act);
  }
}

interface Closing {
  once(event: "close", listener: () => void): unknown;
}
