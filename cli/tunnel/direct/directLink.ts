import { Backoff } from "../../../shared/async/backoff.ts";
import type { Clock } from "../../../shared/clock.ts";
import {
  type DirectHello,
  type DirectOffer,
  DirectRefusal,
  DirectWelcome,
} from "../../../shared/protocol/direct.ts";
import type { ByteConnection } from "../../../shared/tunnel/byteConnection.ts";
import { Mux } from "../../../shared/tunnel/mux.ts";
import { dialPinned, type PinnedOwner } from "./dialPinned.ts";

export interface DirectLinkOptions {
  clock: Clock;
  offer: DirectOffer;
  onChange: (state: "up" | "broken") => void;
  onClosed: (reason: string) => void;
}

/** In a local network who is there answers within a moment; who is not often says nothing at all. */
const DIAL_MS = 3_000;
/** As with links to the coordinator: a laptop may sleep, a cable be changed. */
const RESUME_MS = 60_000;
const MAX_STREAMS = 1_000;
const PAUSES = { firstMs: 200, longestMs: 5_000 };

/** The dialling side of a direct link (docs/protocol/tunnel.md): dials at once, and again whenever the connection breaks. */
export class DirectLink implements Disposable {
  readonly mux: Mux;
  readonly #options: DirectLinkOptions;
  #offer: DirectOffer;
  readonly #over = new AbortController();
  readonly #backoff = new Backoff(PAUSES);
  /** What goes on with the link; undefined: it never was up. */
  #resume: string | undefined;
  #connection: ByteConnection | undefined;
  #cancel: () => void = () => {};
  #isDialling = false;

  constructor(options: DirectLinkOptions) {
    this.#options = options;
    this.#offer = options.offer;
    this.mux = new Mux({
      clock: options.clock,
      resumeMs: RESUME_MS,
      isDialler: true,
      maxStreams: MAX_STREAMS,
      onStream: ({ stream }) => stream.reset({ code: "forbidden", message: "Nothing is offered here" }),
      onClosed: (reason) => {
        this.#cancel();
        this.#over.abort();
        options.onClosed(reason);
      },
    });
    void this.#dial();
  }

  /** The host is where this says from now on: it may have another address, or its agent another port. */
  redial(offer: DirectOffer): void {
    this.#offer = offer;
    if (!this.mux.isUp) this.renew();
  }

  /** Gives up the connection for another one: nobody knows what has become of it. */
  renew(): void {
    const connection = this.#connection;
    if (connection) {
      connection.giveUp();
      this.#lost(connection);
    }
    if (this.mux.isClosed || this.#isDialling) return;
    this.#cancel();
    void this.#dial();
  }

  [Symbol.dispose](): void {
    this.mux.close("closed");
  }

  async #dial(): Promise<void> {
    const { clock } = this.#options;
    const offer = this.#offer;
    const hello: DirectHello = this.#resume
      ? { resume: this.#resume, received: this.mux.received }
      : { ticket: offer.ticket };
    const late = new AbortController();
    const cancel = clock.after(DIAL_MS, () => late.abort());
    const signal = AbortSignal.any([late.signal, this.#over.signal]);
    this.#isDialling = true;
    let dialled: ByteConnection | undefined;
    const greeted = Promise.withResolvers<boolean>();
    const owner: PinnedOwner = {
      greeted: (content) => greeted.resolve(dialled !== undefined && this.#greeted(dialled, content)),
      received: (bytes, memory) => dialled && this.mux.receive(dialled, bytes, memory),
      ended: (reason) => this.mux.close(reason),
      gone: () => {
        greeted.resolve(false);
        if (dialled) this.#lost(dialled);
      },
    };
    signal.addEventListener("abort", () => greeted.resolve(false), { once: true });
    dialled = await dialPinned(offer, { owner, signal });
    dialled?.greet(hello);
    const isUp = dialled !== undefined && (await greeted.promise);
    cancel();
    this.#isDialling = false;
    if (isUp) return;
    dialled?.giveUp();
    if (this.#resume === undefined) this.mux.close("The host cannot be reached directly");
    if (!this.mux.isClosed) this.#cancel = clock.after(this.#backoff.next(), () => void this.#dial());
  }

  #greeted(connection: ByteConnection, content: unknown): boolean {
    const welcome = DirectWelcome.safeParse(content);
    if (!welcome.success) {
      const refusal = DirectRefusal.safeParse(content);
      this.mux.close(refusal.success ? refusal.data.refused : "The host speaks another protocol");
      return false;
    }
    this.#resume = welcome.data.resume;
    this.#connection = connection;
    this.#backoff.reset();
    if (!this.mux.connect(connection, welcome.data.received)) return false;
    this.#options.onChange("up");
    return true;
  }

  #lost(connection: ByteConnection): void {
    if (connection !== this.#connection || this.mux.isClosed) return;
    this.#connection = undefined;
    this.mux.disconnected(connection);
    this.#options.onChange("broken");
    this.#cancel = this.#options.clock.after(this.#backoff.next(), () => void this.#dial());
  }
}
