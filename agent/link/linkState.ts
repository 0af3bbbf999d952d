/** Whether the coordinator answers, for people. */
export class LinkState {
  readonly #now: () => number;
  readonly #onChange: (text: string) => void;
  #state: "connecting" | "connected" | "disconnected" = "connecting";
  #since: number;
  #lastAnswerAt: number | null = null;
  #reason: string | null = null;

  /** `onChange` is told in words. */
  constructor(now: () => number, onChange: (text: string) => void = () => {}) {
    this.#now = now;
    this.#onChange = onChange;
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
    this.#reason = reason;
    if (state === this.#state) return;
    this.#state = state;
    this.#since = this.#now();
    this.#onChange(reason === null ? state : `${state}: ${reason}`);
  }
}
