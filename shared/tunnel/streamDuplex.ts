import { Duplex } from "node:stream";
import { Fifo } from "./fifo.ts";
import type { StreamFailure } from "./frame.ts";
import { ReceiveWindow, type WindowBudget } from "./receiveWindow.ts";
import type { StreamHandler, TunnelStream } from "./stream.ts";

/** A stream that broke, as an error of the Duplex that stands for it. */
class StreamBroken extends Error {
  readonly code: string;

  constructor({ code, message }: StreamFailure) {
    super(message);
    this.name = "StreamBroken";
    this.code = code;
  }
}

type Done = (err?: Error | null) => void;

/**
 * A stream of a tunnel as a Duplex of Node, for libraries that speak over one. What comes is read no faster than it is
 * taken here, and a write is done when the other side has room for more; an end is an end of that direction alone.
 */
export class StreamDuplex extends Duplex {
  readonly #stream: TunnelStream;
  readonly #window: ReceiveWindow;
  readonly #accepted: ((answer: unknown) => void) | undefined;
  /** Came, and nobody has asked for it. */
  readonly #waiting = new Fifo<Uint8Array>();
  #isAsked = false;
  #hasPeerEnded = false;
  /** A write that waits for room. */
  #writing: Done | undefined;

  constructor(stream: TunnelStream, options: { budget: WindowBudget; accepted?: (answer: unknown) => void }) {
    super({ allowHalfOpen: true });
    this.#stream = stream;
    this.#window = new ReceiveWindow(stream, options.budget);
    this.#accepted = options.accepted;
    stream.handle(this.#handler());
  }

  override _read(): void {
    this.#isAsked = true;
    this.#handOver();
  }

  override _write(chunk: Uint8Array, _encoding: string, done: Done): void {
    // Whoever writes may use the memory again once it is done, and the stream needs its bytes for longer.
    this.#stream.write(new Uint8Array(chunk));
    if (this.#stream.room > 0) done();
    else this.#writing = done;
  }

  override _final(done: Done): void {
    this.#stream.end();
    done();
  }

  override _destroy(err: Error | null, done: Done): void {
    this.#waiting.clear();
    this.#writing = undefined;
    // What has ended in both directions may still have something on its way.
    const isWhole = !err && this.writableFinished && this.#hasPeerEnded;
    if (!isWhole) {
      this.#stream.reset({ code: "aborted", message: err?.message ?? "The connection was closed" });
      this.#window.release();
    }
    done(err);
  }

  #handler(): StreamHandler {
    return {
      accepted: (answer) => {
        this.#accepted?.(answer);
        this.#writeOn();
      },
      data: (piece) => {
        this.#window.came(piece.length);
        this.#waiting.push(piece);
        this.#handOver();
      },
      credit: () => this.#writeOn(),
      blocked: () => this.#window.blocked(),
      ended: () => {
        this.#hasPeerEnded = true;
        this.#handOver();
      },
      closed: (failure) => {
        this.#window.release();
        if (failure) this.destroy(new StreamBroken(failure));
      },
    };
  }

  #handOver(): void {
    for (let piece = this.#waiting.first; piece && this.#isAsked; piece = this.#waiting.first) {
      this.#waiting.shift();
      this.#window.consumed(piece.length);
      this.#isAsked = this.push(Buffer.from(piece.buffer, piece.byteOffset, piece.length));
    }
    if (this.#hasPeerEnded && this.#waiting.length === 0) this.push(null);
  }

  #writeOn(): void {
    const done = this.#writing;
    if (!done || this.#stream.room <= 0) return;
    this.#writing = undefined;
    done();
  }
}
