/** Whether the coordinator answers, for people. */
export class LinkState {
  readonly #now: () => number;
  #state: "connecting" | "connected" | "disconnected" = "connecting";
  #since: number;
  #lastAnswerAt: number | null = null;
  #reason: string | null = null;

  constructor(now: () => number) {
    this.#now = now;
    this.#since = now();
  }

  up(): void {
    this.#lastAnswerAt = this.#now();
    this.#change("connected", null);
  }

  down(reason: string): void {
    this.#change("disconnected", reason);
  }

  get current() {
    return {
      state: this.#state,
      since: this.#since,
      last_answer_at: this.#lastAnswerAt,
      reason: this.#reason,
    };
  }

  #change(state: "connected" | "disconnected", reason: string | null): void {
    if (state !== this.#state) this.#since = this.#now();
    this.#state = state;
    this.#reason = reason;
  }
}
