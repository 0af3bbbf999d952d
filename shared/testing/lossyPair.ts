import { encodeFrame } from "../tunnel/frame.ts";
import type { Transport } from "../tunnel/link.ts";
import { Mux, type MuxOptions } from "../tunnel/mux.ts";
import { FakeClock } from "./fakeClock.ts";

type Side = "dialler" | "acceptor";

/** Two muxes with a way between them that delivers when it is told to, and loses what is on it when it breaks. */
export class LossyPair {
  readonly clock = new FakeClock(0);
  readonly dialler: Mux;
  readonly acceptor: Mux;
  readonly closed: string[] = [];
  #ways: Record<Side, Uint8Array[]> = { dialler: [], acceptor: [] };
  #transports: Record<Side, Transport> | undefined;

  constructor(options: { onStream: MuxOptions["onStream"]; maxStreams?: number; resumeMs?: number }) {
    const common = {
      clock: this.clock,
      resumeMs: options.resumeMs ?? 30_000,
      maxStreams: options.maxStreams ?? 100,
    };
    const onClosed = (reason: string) => void this.closed.push(reason);
    const onStream = options.onStream;
    this.dialler = new Mux({ ...common, isDialler: true, onStream, onClosed });
    this.acceptor = new Mux({ ...common, isDialler: false, onStream, onClosed });
    this.connect();
  }

  get isUp(): boolean {
    return this.#transports !== undefined;
  }

  /** A new connection; each side says what it has, as the upgrade and the greeting do. */
  connect(): void {
    this.cut();
    const ways: Record<Side, Uint8Array[]> = { dialler: [], acceptor: [] };
    this.#ways = ways;
    const to = (side: Side): Transport => ({
      send: ({ type, stream, payload }) => void ways[side].push(encodeFrame(type, stream, payload)),
      close: () => this.cut(),
      giveUp: () => this.cut(),
    });
    const transports = { dialler: to("acceptor"), acceptor: to("dialler") };
    this.#transports = transports;
    const [diallerHas, acceptorHas] = [this.dialler.received, this.acceptor.received];
    this.acceptor.connect(transports.acceptor, diallerHas);
    this.dialler.connect(transports.dialler, acceptorHas);
  }

  /** What is on its way is lost, and both sides notice. */
  cut(): void {
    const transports = this.#transports;
    if (!transports) return;
    this.#transports = undefined;
    this.dialler.disconnected(transports.dialler);
    this.acceptor.disconnected(transports.acceptor);
  }

  /** Delivers up to so many frames to one side. False: there was none. */
  deliver(side: Side, most = 1): boolean {
    const mux = side === "dialler" ? this.dialler : this.acceptor;
    let delivered = 0;
    for (; delivered < most && this.#transports; delivered += 1) {
      const frame = this.#ways[side].shift();
      if (!frame) break;
      mux.receive(this.#transports[side], frame);
    }
    return delivered > 0;
  }

  /** Something that the other side never sent. */
  inject(side: Side, frame: Uint8Array): void {
    const mux = side === "dialler" ? this.dialler : this.acceptor;
    if (this.#transports) mux.receive(this.#transports[side], frame);
  }

  /** Everything arrives, and what it causes, acknowledgements included. */
  settle(): void {
    for (let quiet = 0; quiet < 3; ) {
      const moved = [this.deliver("dialler", 1000), this.deliver("acceptor", 1000)].some(Boolean);
      if (moved) quiet = 0;
      else quiet += 1;
      this.clock.advance(5);
    }
  }
}
