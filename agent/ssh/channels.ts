/** How many channels a connection has open, and when it has none left. */
export class Channels {
  readonly #most: number;
  readonly #whenNone: (() => void)[] = [];
  #open = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get isFull(): boolean {
    return this.#open >= this.#most;
  }

  opened(channel: { once(event: "close", listener: () => void): unknown }): void {
    this.#open += 1;
    channel.once("close", () => {
      this.#open -= 1;
      if (this.#open === 0) for (const act of this.#whenNone.splice(0)) act();
    });
  }

  /** At once, or when the last of them is closed. */
  whenNone(act: () => void): void {
    if (this.#open === 0) act();
    else this.#whenNone.push(act);
  }
}
