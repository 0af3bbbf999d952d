/** Cuts short whatever waits for the coordinator to speak: this host has something to say first. */
export class Nudge {
  #next = new AbortController();

  /** Aborts with the next nudge. */
  get signal(): AbortSignal {
    return this.#next.signal;
  }

  nudge(): void {
    const due = this.#next;
    this.#next = new AbortController();
    due.abort();
  }
}
