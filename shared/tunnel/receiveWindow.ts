import { FIRST_WINDOW } from "./mux.ts";
import { MOST_CREDIT, type TunnelStream } from "./stream.ts";

/** Memory for what may come beyond the first windows, shared by all streams of a process. */
export class WindowBudget {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#left += bytes;
  }
}

const LARGEST_WINDOW = 8 * 1024 * 1024;
/** Grants of so much at a time are few enough; of a large window more of it is there for who sends. */
const LARGEST_GRANT = 1024 * 1024;

/**
 * How much a reader lets come. It grants anew what has been consumed, half a window at a time or less, and doubles the window
 * when the sender has waited for credit although the reader had next to nothing left to read: then it is the way that
 * is long, and not the reader that is slow.
 */
export class ReceiveWindow {
  readonly #stream: TunnelStream;
  readonly #budget: WindowBudget;
  #size = FIRST_WINDOW;
  /** Came, and was not consumed. */
  #unread = 0;
  /** Consumed, and not granted anew. */
  #owed = 0;

  constructor(stream: TunnelStream, budget: WindowBudget) {
    this.#stream = stream;
    this.#budget = budget;
  }

  get size(): number {
    return this.#size;
  }

  came(bytes: number): void {
    this.#unread += bytes;
  }

  consumed(bytes: number): void {
    this.#unread -= bytes;
    this.#owed += bytes;
    if (this.#owed < Math.min(this.#size / 2, LARGEST_GRANT)) return;
    this.#stream.grant(this.#owed);
    this.#owed = 0;
  }

  blocked(): void {
    if (this.#unread > this.#size / 4 || this.#size >= LARGEST_WINDOW) return;
    const more = Math.min(this.#size, MOST_CREDIT - this.#size);
    if (!this.#budget.take(more)) return;
    this.#size += more;
    this.#stream.grant(more + this.#owed);
    this.#owed = 0;
  }

  /** The stream is over. */
  release(): void {
    this.#budget.giveBack(this.#size - FIRST_WINDOW);
    this.#size = FIRST_WINDOW;
  }
}
