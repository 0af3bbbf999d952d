import { Fifo } from "./fifo.ts";
import {
  decodeJson,
  encodeJson,
  encodeU32,
  type Frame,
  FrameType,
  frameOf,
  MAX_DATA_BYTES,
  ProtocolError,
  type StreamFailure,
} from "./frame.ts";
import type { Memory } from "./memory.ts";

/** What becomes of a stream, told to whoever owns this end of it. After `closed` nothing more is called. */
export interface StreamHandler {
  /** The other side took it, and takes so many bytes to begin with; only where this one opened it. */
  accepted(answer: unknown, credit: number): void;
  /** A piece, within what was granted. Whoever needs it no more releases `memory`, which is under it. */
  data(piece: Uint8Array, memory?: Memory): void;
  /** The other side takes so many bytes more. */
  credit(bytes: number): void;
  /** The other side has more to send than it was granted. */
  blocked(): void;
  /** Nothing more will come. */
  ended(): void;
  /** It is over: both sides have ended it (undefined), or why it broke. */
  closed(failure: StreamFailure | undefined): void;
  /** Something that was written has gone out. */
  sent?(): void;
}

/** What waits to be sent, as one frame. */
interface Piece {
  readonly bytes: Uint8Array;
  readonly memory: Memory | undefined;
}

/** What a stream needs of the link that it is in. */
export interface StreamLink {
  /** Goes out at once, before all data. */
  send(frame: Frame): void;
  /** The stream has something to send, and may. */
  ready(stream: TunnelStream): void;
  gone(stream: TunnelStream): void;
}

/** Nobody is granted more than this at a time; an end that asks for more is broken or means harm. */
export const MOST_CREDIT = 16 * 1024 * 1024;

const LONGEST_MESSAGE = 500;
const CODE = /^[a-z][a-z_]{0,39}$/;
/** Whoever prints what another side has said must not have its terminal told what to do. */
const CONTROLS = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

const readFailure = (payload: Uint8Array): StreamFailure => {
  const read = decodeJson(payload);
  if (typeof read !== "object" || read === null || !("code" in read) || !("message" in read))
    throw new ProtocolError("a reset that does not say why");
  const { code, message } = read;
  if (typeof code !== "string" || !CODE.test(code) || typeof message !== "string")
    throw new ProtocolError("a reset that does not say why");
  return { code, message: plain(message) };
};

const plain = (message: string): string => message.slice(0, LONGEST_MESSAGE).replace(CONTROLS, " ");

/** What a frame that waits costs besides its bytes: many that carry next to nothing are not for nothing. */
const FRAME_COST = 128;

/** One end of a stream in a link. Whoever reads from it grants what may come; whoever writes looks at `room`. */
export class TunnelStream {
  readonly id: number;
  /** Whose it is, where several share the link: each of them gets as much of it as the others. Set before any data. */
  share = "";
  /** Called once, when it is over, whoever has ended it: for whoever keeps a list. */
  whenGone: (() => void) | undefined;
  /** Bytes so far. */
  sentBytes = 0;
  receivedBytes = 0;
  readonly #link: StreamLink;
  #handler: StreamHandler | undefined;
  /** Data that waits for credit or for the link, in pieces of one frame each. */
  readonly #queue = new Fifo<Piece>();
  #queuedBytes = 0;
  /** What the other side takes, without what was sent. */
  #credit: number;
  /** What the other side may still send. */
  #granted: number;
  /** Before it is accepted nobody knows whether credit is missing. */
  #saidBlocked: boolean;
  #isEnding = false;
  #hasEnded = false;
  #peerEnded = false;
  #isGone = false;
  #isAwaited: boolean;

  constructor(
    id: number,
    link: StreamLink,
    { isOurs, ...windows }: { credit: number; granted: number; isOurs: boolean },
  ) {
    this.id = id;
    this.#link = link;
    this.#credit = windows.credit;
    this.#granted = windows.granted;
    this.#saidBlocked = windows.credit === 0;
    this.#isAwaited = isOurs;
  }

  /** Once, before anything is read. */
  handle(handler: StreamHandler): void {
    this.#handler = handler;
  }

  /** Bytes that can be written before they have to wait here; not more than nothing: hold on until `credit`. */
  get room(): number {
    return this.#credit - this.#queuedBytes;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Memory that what was written takes up while it waits. */
  get held(): number {
    return this.#queuedBytes + this.#queue.length * FRAME_COST;
  }

  /** What the other side may still send. */
  get granted(): number {
    return this.#granted;
  }

  get canSend(): boolean {
    const next = this.#queue.first;
    return next !== undefined && next.bytes.length <= this.#credit;
  }

  /**
   * The bytes are not copied, and are needed until the other side has them: nobody may change them any more. `memory` is
   * under them; it is used until then.
   */
  write(bytes: Uint8Array, memory?: Memory): void {
    for (let at = 0; at < bytes.length; at += MAX_DATA_BYTES)
      this.#enqueue({ bytes: bytes.subarray(at, at + MAX_DATA_BYTES), memory: memory?.use() });
  }

  /** Takes what the other side asked for, and so many bytes of it to begin with. Only where that one opened it. */
  accept(answer: unknown, granted: number): void {
    if (this.#isGone) return;
    this.#granted += granted;
    this.#link.send(frameOf(FrameType.accept, this.id, encodeJson({ granted, answer })));
  }

  /** Lets the other side send so many bytes more. */
  grant(bytes: number): void {
    if (this.#isGone || this.#peerEnded || bytes <= 0) return;
    this.#granted += bytes;
    this.#link.send(frameOf(FrameType.credit, this.id, encodeU32(bytes)));
  }

  /** After what was written nothing more comes from here. */
  end(): void {
    if (this.#isEnding || this.#isGone) return;
    this.#isEnding = true;
    this.#endIfDrained();
  }

  /** Says that more would be sent, once until there is more credit; for whoever passes on what somebody else says. */
  sayBlocked(): void {
    if (this.#isGone || this.#saidBlocked) return;
    this.#saidBlocked = true;
    this.#link.send(frameOf(FrameType.blocked, this.id));
  }

  /** Ends it at once in both directions; the other side learns why. The handler is not told. */
  reset({ code, message }: StreamFailure): void {
    if (this.#isGone) return;
    this.#link.send(frameOf(FrameType.reset, this.id, encodeJson({ code, message: plain(message) })));
    this.#handler = undefined;
    this.break(undefined);
  }

  /** As `reset`, by somebody who is at neither end of it: the handler is told, too. */
  abort(failure: StreamFailure): void {
    const handler = this.#handler;
    const isOver = this.#isGone;
    this.reset(failure);
    if (!isOver) handler?.closed(failure);
  }

  /** The next frame that may be sent now, if there is one. Called by the link. */
  take(): Frame | undefined {
    if (!this.canSend) return undefined;
    const piece = this.#queue.shift();
    if (!piece) return undefined;
    const { bytes, memory } = piece;
    this.#queuedBytes -= bytes.length;
    this.#credit -= bytes.length;
    this.sentBytes += bytes.length;
    return { type: FrameType.data, stream: this.id, payload: bytes, memory };
  }

  /** What was taken has gone out. Called by the link. */
  sent(): void {
    this.#endIfDrained();
    this.#askForCredit();
    this.#handler?.sent?.();
  }

  /** Data that came for it. Throws `ProtocolError`. Called by the link. */
  receiveData(piece: Uint8Array, memory: Memory | undefined): void {
    this.#granted -= piece.length;
    this.receivedBytes += piece.length;
    if (this.#granted < 0 || this.#peerEnded)
      throw new ProtocolError(`data beyond the credit of stream ${this.id}`);
    this.#handler?.data(piece, memory);
  }

  /** What else came for it. Throws `ProtocolError`. Called by the link. */
  receive(type: number, payload: Uint8Array): void {
    switch (type) {
      case FrameType.blocked:
        this.#handler?.blocked();
        return;
      case FrameType.end:
        if (this.#peerEnded) throw new ProtocolError(`a second end of stream ${this.id}`);
        this.#peerEnded = true;
        this.#handler?.ended();
        this.#finish();
        return;
      case FrameType.reset:
        this.break(readFailure(payload));
    }
  }

  /** So much more is taken by the other side. Throws `ProtocolError`. Called by the link. */
  addCredit(bytes: number): void {
    this.#raiseCredit(bytes);
    this.#handler?.credit(bytes);
  }

  /** The other side takes it. Throws `ProtocolError`. Called by the link. */
  accepted(answer: unknown, credit: number): void {
    if (!this.#isAwaited) throw new ProtocolError(`nobody waits for stream ${this.id} to be accepted`);
    this.#isAwaited = false;
    this.#raiseCredit(credit);
    this.#handler?.accepted(answer, credit);
  }

  /** It is over, without a word to the other side. Called by the link, and by `reset`. */
  break(failure: StreamFailure | undefined): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#queue.clear();
    this.#queuedBytes = 0;
    this.#link.gone(this);
    this.whenGone?.();
    const handler = this.#handler;
    this.#handler = undefined;
    handler?.closed(failure);
  }

  #raiseCredit(bytes: number): void {
    this.#credit += bytes;
    if (this.#credit > MOST_CREDIT)
      throw new ProtocolError(`${this.#credit} bytes of credit for stream ${this.id}`);
    this.#saidBlocked = false;
    if (this.canSend) this.#link.ready(this);
    else this.#askForCredit();
  }

  #enqueue(piece: Piece): void {
    if (this.#isGone || this.#isEnding) return;
    this.#queue.push(piece);
    this.#queuedBytes += piece.bytes.length;
    if (this.canSend) this.#link.ready(this);
    else this.#askForCredit();
  }

  /** Where nothing waits, either: whoever writes has stopped because there is no room. */
  #askForCredit(): void {
    const isWaiting = this.#queue.length > 0 || !this.#isEnding;
    if (isWaiting && this.room <= 0 && !this.canSend) this.sayBlocked();
  }

  #endIfDrained(): void {
    if (!this.#isEnding || this.#hasEnded || this.#queue.length > 0) return;
    this.#hasEnded = true;
    this.#link.send(frameOf(FrameType.end, this.id));
    this.#finish();
  }

  #finish(): void {
    if (this.#hasEnded && this.#peerEnded) this.break(undefined);
  }
}
