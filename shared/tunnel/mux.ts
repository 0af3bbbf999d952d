import { Company } from "./company.ts";
import { decodeJson, decodeU32, encodeJson, type Frame, FrameType, frameOf, ProtocolError } from "./frame.ts";
import { Link, type LinkOptions, type Transport } from "./link.ts";
import type { Memory } from "./memory.ts";
import { MOST_CREDIT, TunnelStream } from "./stream.ts";
import { Turns } from "./turns.ts";

/** What a new stream may send before either side has said more. */
export const FIRST_WINDOW = 256 * 1024;

export interface MuxOptions extends Pick<LinkOptions, "clock" | "resumeMs" | "mostSmallFrames" | "onClosed"> {
  /** The side that dials numbers its streams oddly, the other one evenly. */
  isDialler: boolean;
  /** So many streams at a time; the next one is refused. */
  maxStreams: number;
  /**
   * The other side asks for a stream: `accept` or `reset` it, now or later. `request` is whatever it sent: check it.
   */
  onStream: (stream: IncomingStream, request: unknown) => void;
}

export interface IncomingStream {
  stream: TunnelStream;
  accept(answer: unknown, granted?: number): void;
}

/** Many streams in one link. Data goes out in turns, a frame of each; all else before it. */
export class Mux {
  readonly #options: MuxOptions;
  readonly #link: Link;
  readonly #streams = new Map<number, TunnelStream>();
  /** Streams that have data to send and credit for it. */
  readonly #turns = new Turns<TunnelStream>();
  readonly #company = new Company();
  #nextId: number;
  #lastPeerId = 0;

  constructor(options: MuxOptions) {
    this.#options = options;
    this.#nextId = options.isDialler ? 1 : 2;
    this.#link = new Link({
      clock: options.clock,
      resumeMs: options.resumeMs,
      onFrame: (frame) => this.#receive(frame),
      onRoom: () => this.#pump(),
      onClosed: (reason, isBreach) => {
        for (const stream of [...this.#streams.values()])
          stream.break({ code: "link_lost", message: reason });
        options.onClosed(reason, isBreach);
      },
      ...(options.mostSmallFrames === undefined ? {} : { mostSmallFrames: options.mostSmallFrames }),
    });
  }

  get size(): number {
    return this.#streams.size;
  }

  get received(): number {
    return this.#link.received;
  }

  get isUp(): boolean {
    return this.#link.isUp;
  }

  get isClosed(): boolean {
    return this.#link.isClosed;
  }

  get roundTripMs(): number | undefined {
    return this.#link.roundTripMs;
  }

  /** Bytes that were sent, and that the other side has not acknowledged. */
  get inFlight(): number {
    return this.#link.inFlight;
  }

  /** Asks the other side for a stream; what is written before it accepts waits. Throws where the request is too long. */
  open(request: unknown, granted = FIRST_WINDOW): TunnelStream {
    const payload = encodeJson({ granted, request });
    const id = this.#nextId;
    this.#nextId += 2;
    const stream = this.#add(id, { credit: 0, granted, isOurs: true });
    if (this.#link.isClosed) stream.break({ code: "link_lost", message: "the link is closed" });
    else this.#link.send(frameOf(FrameType.open, id, payload));
    return stream;
  }

  connect(transport: Transport, peerReceived: number): boolean {
    return this.#link.connect(transport, peerReceived);
  }

  disconnected(transport: Transport): void {
    this.#link.disconnected(transport);
  }

  /** See `Link.receive`. */
  receive(transport: Transport, bytes: Uint8Array, memory?: Memory): void {
    this.#link.receive(transport, bytes, memory);
  }

  /** `isBreach`: because of what the other side has done. */
  close(reason: string, isBreach = false): void {
    this.#link.close(reason, isBreach);
  }

  /** Ends it because this side will have no more of it: its streams are broken off, and not lost for the time being. */
  abort(reason: string): void {
    for (const stream of [...this.#streams.values()]) stream.break({ code: "aborted", message: reason });
    this.#link.close(reason);
  }

  #add(id: number, windows: { credit: number; granted: number; isOurs: boolean }): TunnelStream {
    const stream = new TunnelStream(
      id,
      {
        send: (frame) => this.#link.send(frame),
        ready: (ready) => {
          this.#turns.add(ready);
          this.#pump();
        },
        gone: (gone) => {
          this.#streams.delete(gone.id);
          this.#turns.delete(gone);
        },
      },
      windows,
    );
    this.#streams.set(id, stream);
    return stream;
  }

  #pump(): void {
    while (!this.#turns.isEmpty && this.#link.hasRoom) {
      const stream = this.#turns.next();
      const frame = stream?.take();
      if (!stream || !frame) continue;
      const now = this.#options.clock.steady();
      this.#company.sent(stream, frame.payload.length, now);
      this.#link.hasCompany = this.#company.isMixed(now);
      this.#link.send(frame);
      if (stream.canSend) this.#turns.add(stream);
      stream.sent();
    }
  }

  #receive({ type, stream: id, payload, memory }: Frame): void {
    if (type === FrameType.open) {
      this.#opened(id, payload);
      return;
    }
    const stream = this.#streams.get(id);
    if (!stream) {
      if (!this.#wasUsed(id)) throw new ProtocolError(`a frame for stream ${id}, which there never was`);
      // It was reset here, and the other side did not know yet.
      return;
    }
    if (type === FrameType.data) stream.receiveData(payload, memory);
    else if (type === FrameType.credit) stream.addCredit(decodeU32(payload));
    else if (type === FrameType.accept) {
      const { granted, content } = readWindow(payload, "answer");
      stream.accepted(content, granted);
    } else stream.receive(type, payload);
  }

  #opened(id: number, payload: Uint8Array): void {
    const isTheirs = id % 2 === (this.#options.isDialler ? 0 : 1);
    if (!isTheirs || id <= this.#lastPeerId) throw new ProtocolError(`stream ${id} cannot be opened`);
    this.#lastPeerId = id;
    const { granted: credit, content } = readWindow(payload, "request");
    const stream = this.#add(id, { credit, granted: 0, isOurs: false });
    if (this.#streams.size > this.#options.maxStreams) {
      stream.reset({ code: "too_many", message: `More than ${this.#options.maxStreams} streams at a time` });
      return;
    }
    const accept = (answer: unknown, granted = FIRST_WINDOW) => stream.accept(answer, granted);
    this.#options.onStream({ stream, accept }, content);
  }

  #wasUsed(id: number): boolean {
    const isTheirs = id % 2 === (this.#options.isDialler ? 0 : 1);
    return id > 0 && (isTheirs ? id <= this.#lastPeerId : id < this.#nextId);
  }
}

/** `open` and `accept` say how much their sender takes, and what they are about. */
const readWindow = (
  payload: Uint8Array,
  key: "request" | "answer",
): { granted: number; content: unknown } => {
  const read = decodeJson(payload);
  if (typeof read !== "object" || read === null || !("granted" in read))
    throw new ProtocolError("a stream without a window");
  const { granted } = read;
  if (typeof granted !== "number" || !Number.isSafeInteger(granted) || granted < 0 || granted > MOST_CREDIT)
    throw new ProtocolError(`a window of ${JSON.stringify(granted)}`);
  return { granted, content: (read as Record<string, unknown>)[key] };
};
