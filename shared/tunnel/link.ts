import type { Clock } from "../clock.ts";
import { Fifo } from "./fifo.ts";
import { Flight } from "./flight.ts";
import { bytesOf, decodeFrame, type Frame, FrameType, frameOf, isNumbered, ProtocolError } from "./frame.ts";
import type { Memory } from "./memory.ts";

/** A connection that carries frames in order, until it breaks. */
export interface Transport {
  /** Has its bytes or a copy of them when it returns. */
  send(frame: Frame): void;
  /** Ends it, and tells the other side where it can that the link is over. */
  close(reason: string): void;
  /** Ends this connection alone: the link goes on over another one. */
  giveUp(reason: string): void;
}

export interface LinkOptions {
  clock: Clock;
  /** How long a broken link waits for another connection; then its streams end. */
  resumeMs: number;
  /** A numbered frame, each exactly once and in order. Throws `ProtocolError`. */
  onFrame: (frame: Frame) => void;
  /** More may be sent than before. */
  onRoom: () => void;
  /** It is over, for good. Told once. `isBreach`: the other side did not keep to the protocol. */
  onClosed: (reason: string, isBreach: boolean) => void;
  /** So many frames that carry little or nothing are taken within a second. Left out: any number. */
  mostSmallFrames?: number;
}

/** An acknowledgement goes out after so many bytes, or so long after the first of them. */
const ACK_BYTES = 128 * 1024;
const ACK_MS = 1;
const PING_MS = 5_000;
/**
 * A connection on which nothing at all came for so long is given up. Another one costs next to nothing, while one whose
 * network is back may be silent for as long again as it was away (TCP doubles its pauses), and one of an address that
 * is no more for ever.
 */
const SILENT_MS = 15_000;
/** Whoever asks whether this side is there is answered no more often than this. */
const PONG_PAUSE_MS = 1_000;
/** Memory for what was sent, and is not acknowledged: data stays below it by itself (`Flight`), answers need not. */
const MOST_KEPT_BYTES = 32 * 1024 * 1024;
/** What a frame that is kept costs besides its bytes. */
const FRAME_COST = 128;
const SMALL_BYTES = 256;
const SMALL_FRAMES_MS = 1_000;

interface Sent {
  frame: Frame;
  at: number;
  /** What had been acknowledged by then. */
  after: Acknowledged;
}

interface Acknowledged {
  bytes: number;
  /** When it was said, and when the last of it had been sent. */
  at: number;
  sentAt: number;
}

/**
 * Frames between two sides over connections that may break and be replaced: every numbered frame arrives once and in
 * order, or the link is closed on both sides. What was sent is kept until it is acknowledged, which bounds what may be
 * on its way (`Flight`), and is sent again over the next connection (docs/protocol/tunnel.md).
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #flight = new Flight();
  /** Sent, and not acknowledged; the first one has the number `#acknowledged`. */
  readonly #kept = new Fifo<Sent>();
  #acknowledged = 0;
  #soFar: Acknowledged = { bytes: 0, at: 0, sentAt: 0 };
  #inFlight = 0;
  #received = 0;
  #unackedBytes = 0;
  #cancelAck: (() => void) | undefined;
  #transport: Transport | undefined;
  #cancelWatch: (() => void) | undefined;
  #heardAt = 0;
  #pongAt = Number.NEGATIVE_INFINITY;
  #small = { since: 0, count: 0 };
  #isClosed = false;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** How many numbered frames have come: what the other side need not send again. */
  get received(): number {
    return this.#received;
  }

  get isUp(): boolean {
    return this.#transport !== undefined;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether data may be sent now; if not, `onRoom` is called when it may. */
  get hasRoom(): boolean {
    if (this.#transport !== undefined && this.#inFlight < this.#flight.window) return true;
    if (this.#transport !== undefined) this.#flight.limited();
    return false;
  }

  /** Others wait beside whoever fills it: no more of that is to be on the way than its length asks for. */
  set hasCompany(hasCompany: boolean) {
    this.#flight.hasCompany = hasCompany;
  }

  get roundTripMs(): number | undefined {
    return this.#flight.roundTripMs;
  }

  /** Bytes that are kept because the other side has not acknowledged them. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** A numbered frame. Taken also while there is no connection: it goes out with the next one. */
  send(frame: Frame): void {
    if (this.#isClosed) return;
    const now = this.#options.clock.steady();
    // Nothing was on its way: the time until now was nobody's.
    if (this.#kept.length === 0) this.#soFar = { bytes: this.#soFar.bytes, at: now, sentAt: now };
    this.#kept.push({ frame, at: now, after: this.#soFar });
    this.#inFlight += bytesOf(frame);
    this.#transport?.send(frame);
    if (this.#inFlight + this.#kept.length * FRAME_COST > MOST_KEPT_BYTES)
      this.close("the other side does not say that it has what was sent");
  }

  /**
   * Goes on over this connection; `peerReceived` frames of this side have arrived. False: the other side claims what
   * cannot be, and the link is closed.
   */
  connect(transport: Transport, peerReceived: number): boolean {
    if (this.#isClosed) return false;
    this.#drop()?.giveUp("another connection took its place");
    if (!this.#acknowledge(peerReceived)) {
      this.close("the other side is not where it was", true);
      return false;
    }
    this.#transport = transport;
    this.#heardAt = this.#options.clock.steady();
    this.#soFar = { bytes: this.#soFar.bytes, at: this.#heardAt, sentAt: this.#heardAt };
    for (const sent of this.#kept) {
      [sent.at, sent.after] = [this.#heardAt, this.#soFar];
      transport.send(sent.frame);
    }
    this.#watch();
    this.#options.onRoom();
    return true;
  }

  /** The connection broke: another one is waited for. `transport` is no longer used; an older one changes nothing. */
  disconnected(transport: Transport): void {
    if (transport !== this.#transport || this.#isClosed) return;
    this.#drop();
    this.#cancelWatch = this.#options.clock.after(this.#options.resumeMs, () =>
      this.close("the connection broke and did not come back in time"),
    );
  }

  /**
   * What came over `transport`; `memory` is what is under it, which whoever needs it last releases. Rubbish closes the
   * link; of an older connection it is ignored.
   */
  receive(transport: Transport, bytes: Uint8Array, memory?: Memory): void {
    if (transport !== this.#transport) return;
    this.#heardAt = this.#options.clock.steady();
    try {
      this.#countSmall(bytes);
      const frame = decodeFrame(bytes);
      this.#take(memory ? { ...frame, memory } : frame);
    } catch (err) {
      if (!(err instanceof ProtocolError)) throw err;
      this.close(`protocol error: ${err.message}`, true);
    }
  }

  /** Ends it on both sides, as far as the other one can be told. */
  close(reason: string, isBreach = false): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#drop()?.close(reason);
    this.#kept.clear();
    this.#inFlight = 0;
    this.#options.onClosed(reason, isBreach);
  }

  /** Frames that cost their sender nothing cost this side time: a flood of them is no use of a tunnel. */
  #countSmall({ length }: Uint8Array): void {
    const { mostSmallFrames } = this.#options;
    if (mostSmallFrames === undefined || length >= SMALL_BYTES) return;
    if (this.#heardAt - this.#small.since >= SMALL_FRAMES_MS)
      this.#small = { since: this.#heardAt, count: 0 };
    this.#small.count += 1;
    if (this.#small.count > mostSmallFrames)
      throw new ProtocolError(`more than ${mostSmallFrames} small frames in a second`);
  }

  #take(frame: Frame): void {
    if (isNumbered(frame.type)) {
      this.#received += 1;
      this.#unackedBytes += bytesOf(frame);
      this.#acknowledgeSoon();
      this.#options.onFrame(frame);
      return;
    }
    switch (frame.type) {
      case FrameType.ack:
        if (!this.#acknowledge(decodeCount(frame.payload)))
          throw new ProtocolError("an acknowledgement of what was not sent");
        this.#options.onRoom();
        return;
      case FrameType.ping:
        if (this.#heardAt - this.#pongAt < PONG_PAUSE_MS) return;
        this.#pongAt = this.#heardAt;
        this.#transport?.send(frameOf(FrameType.pong, 0));
        return;
      case FrameType.pong:
        return;
      default:
        throw new ProtocolError("a greeting in the middle");
    }
  }

  /** Forgets what has arrived. False: that was never sent, or it was said before that more had arrived. */
  #acknowledge(count: number): boolean {
    const arrived = count - this.#acknowledged;
    if (arrived < 0 || arrived > this.#kept.length) return false;
    let last: Sent | undefined;
    let { bytes } = this.#soFar;
    for (let left = arrived; left > 0; left -= 1) {
      last = this.#kept.shift();
      if (!last) break;
      this.#inFlight -= bytesOf(last.frame);
      bytes += bytesOf(last.frame);
      last.frame.memory?.release();
    }
    this.#acknowledged = count;
    if (!last) return true;
    const { at: sentAt, after } = last;
    const now = this.#options.clock.steady();
    this.#soFar = { bytes, at: now, sentAt };
    // The bytes were sent, and said to have come, each within some time: the longer one says how fast they may be.
    const overMs = Math.max(now - after.at, sentAt - after.sentAt);
    if (this.#transport) this.#flight.arrived({ sentAt, now, bytes: bytes - after.bytes, overMs });
    return true;
  }

  #acknowledgeSoon(): void {
    if (this.#unackedBytes >= ACK_BYTES) this.#sendAck();
    else this.#cancelAck ??= this.#options.clock.after(ACK_MS, () => this.#sendAck());
  }

  #sendAck(): void {
    this.#cancelAck?.();
    this.#cancelAck = undefined;
    this.#unackedBytes = 0;
    this.#transport?.send(frameOf(FrameType.ack, 0, encodeCount(this.#received)));
  }

  /** A way that swallows everything says nothing: it is asked, and given up when it does not answer. */
  #watch(): void {
    this.#cancelWatch = this.#options.clock.after(PING_MS, () => {
      const transport = this.#transport;
      if (!transport) return;
      if (this.#options.clock.steady() - this.#heardAt >= SILENT_MS) {
        this.disconnected(transport);
        transport.giveUp("nothing came over it");
        return;
      }
      transport.send(frameOf(FrameType.ping, 0));
      this.#watch();
    });
  }

  /** The connection that it had until now. */
  #drop(): Transport | undefined {
    this.#cancelWatch?.();
    this.#cancelAck?.();
    [this.#cancelWatch, this.#cancelAck] = [undefined, undefined];
    const transport = this.#transport;
    this.#transport = undefined;
    return transport;
  }
}

const encodeCount = (count: number): Uint8Array => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(count));
  return bytes;
};

const decodeCount = (payload: Uint8Array): number => {
  if (payload.length !== 8) throw new ProtocolError(`a count of ${payload.length} bytes`);
  const count = new DataView(payload.buffer, payload.byteOffset, 8).getBigUint64(0);
  if (count > BigInt(Number.MAX_SAFE_INTEGER)) throw new ProtocolError("a count that cannot be");
  return Number(count);
};
