import type { Duplex, Writable } from "node:stream";

/**
 * Writes to a channel no faster than its client takes it. The library waits for a channel's window only, of which a client
 * may grant as much as it likes: the connection under it is waited for too.
 */
export class Outlet {
  readonly #channel: Duplex;
  readonly #transport: Duplex;
  readonly #waiting = new Set<() => void>();
  readonly #closing = new AbortController();
  /** How much was written so far, and how many writes are under way. */
  chunks = 0;
  busy = 0;

  constructor(channel: Duplex, transport: Duplex) {
    this.#channel = channel;
    this.#transport = transport;
    const closed = () => {
      this.#closing.abort();
      for (const wake of this.#waiting) wake();
    };
    channel.once("close", closed);
    transport.once("close", closed);
  }

  get isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Settles when the source is at its end, or the channel is closed. */
  async copy(source: AsyncIterable<Uint8Array>, to: Writable = this.#channel): Promise<void> {
    try {
      for await (const bytes of source) {
        if (this.isClosed) return;
        await this.write(bytes, to);
      }
    } catch {
      // Let go of before its end (`hangUp`): there is nobody to tell.
    }
  }

  /** Aborted once the channel is closed. */
  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  async write(bytes: Uint8Array, to: Writable = this.#channel): Promise<void> {
    this.chunks += 1;
    this.busy += 1;
    await this.#until((done) => to.write(bytes, () => done()));
    if (this.#transport.writableNeedDrain) await this.#until((done) => this.#transport.once("drain", done));
    this.busy -= 1;
  }

  /** Settles when all that was written is on its way. */
  flushed(): Promise<void> {
    return this.write(new Uint8Array());
  }

  /** The channel's last word may never be answered. */
  #until(begin: (done: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      if (this.isClosed) return resolve();
      const done = () => {
        this.#waiting.delete(done);
        resolve();
      };
      this.#waiting.add(done);
      begin(done);
    });
  }
}
