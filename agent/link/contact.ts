/** For how long the coordinator has been in reach since the agent was started: while it was not, no user could come. */
export class Contact {
  #ms = 0;
  #lastAt: number | undefined;

  /** A call that was sent then has been answered; moments of the host's steady time. */
  answered(sentAt: number, answeredAt: number): void {
    this.#ms += Math.max(0, answeredAt - (this.#lastAt ?? sentAt));
    this.#lastAt = Math.max(answeredAt, this.#lastAt ?? answeredAt);
  }

  /** A call has failed: when the link broke nobody knows, so nothing counts since the last answer. */
  lost(): void {
    this.#lastAt = undefined;
  }

  get ms(): number {
    return this.#ms;
  }
}
