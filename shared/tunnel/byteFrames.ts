import { Fifo } from "./fifo.ts";
import {
  bytesOf,
  type Frame,
  FrameType,
  HEADER_BYTES,
  MAX_DATA_BYTES,
  ProtocolError,
  writeFrame,
} from "./frame.ts";
import { Memory } from "./memory.ts";

/** Over a connection that carries bytes and no messages each frame has its length before it, big endian. */
const LENGTH_BYTES = 4;
const MOST_FRAME_BYTES = HEADER_BYTES + MAX_DATA_BYTES;
/** So much goes out with one call of the system; more at a time costs more than it spares. */
const BATCH_BYTES = 256 * 1024;

/** Sends frames over such a connection, those of one moment together. */
export class FrameWriter {
  readonly #write: (bytes: Uint8Array) => number;
  /** Never many: a link has no more on its way than is acknowledged soon (shared/tunnel/flight.ts). */
  readonly #waiting = new Fifo<Frame>();
  /** Memory for as long as something is sent: whoever only connects costs none. */
  #batch: Uint8Array | undefined;
  #from = 0;
  #to = 0;
  #isScheduled = false;
  #isFull = false;

  /** `write` answers how many of the bytes were taken; after fewer than all, `drain` is called when more are. */
  constructor(write: (bytes: Uint8Array) => number) {
    this.#write = write;
  }

  send(frame: Frame): void {
    this.#waiting.push(frame);
    if (this.#isScheduled || this.#isFull) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.flush();
    });
  }

  /** The connection takes bytes again. */
  drain(): void {
    this.#isFull = false;
    this.flush();
  }

  flush(): void {
    this.#batch ??= new Uint8Array(BATCH_BYTES);
    const batch = this.#batch;
    while (!this.#isFull) {
      if (this.#from === this.#to) this.#fill(batch);
      if (this.#from === this.#to) return;
      this.#from += Math.max(0, this.#write(batch.subarray(this.#from, this.#to)));
      this.#isFull = this.#from < this.#to;
    }
  }

  #fill(batch: Uint8Array): void {
    [this.#from, this.#to] = [0, 0];
    for (let frame = this.#waiting.first; frame; frame = this.#waiting.first) {
      const length = bytesOf(frame);
      if (this.#to + LENGTH_BYTES + length > batch.length) return;
      writeLength(batch, this.#to, length);
      this.#to = writeFrame(frame, batch, this.#to + LENGTH_BYTES);
      this.#waiting.shift();
    }
  }
}

/** Finds the frames in what comes over such a connection. */
export class FrameReader {
  readonly #onFrame: (bytes: Uint8Array, memory: Memory | undefined) => void;
  readonly #length = new Uint8Array(LENGTH_BYTES);
  #lengthAt = 0;
  /** A frame of which not all was in one piece. */
  #frame: Uint8Array | undefined;
  #frameAt = 0;

  /**
   * A frame that came in one piece is a view of it. One with data comes with the memory under it, which whoever has the
   * frame releases; all others are needed no longer than the call.
   */
  constructor(onFrame: (bytes: Uint8Array, memory: Memory | undefined) => void) {
    this.#onFrame = onFrame;
  }

  /** The bytes are nobody else's. Throws `ProtocolError` for what no frame can be. */
  push(bytes: Uint8Array): void {
    const memory = Memory.under(bytes)?.use();
    for (let at = 0; at < bytes.length; )
      at = this.#frame ? this.#goOn(bytes, at) : this.#begin(bytes, at, memory);
    memory?.release();
  }

  #begin(bytes: Uint8Array, at: number, memory: Memory | undefined): number {
    if (this.#lengthAt > 0 || bytes.length - at < LENGTH_BYTES) {
      this.#length[this.#lengthAt] = bytes[at] ?? 0;
      this.#lengthAt += 1;
      if (this.#lengthAt === LENGTH_BYTES) this.#expect(readLength(this.#length, 0));
      return at + 1;
    }
    const length = readLength(bytes, at);
    const from = at + LENGTH_BYTES;
    if (bytes.length - from < length) {
      this.#expect(length);
      return from;
    }
    const frame = bytes.subarray(from, from + length);
    this.#onFrame(frame, frame[0] === FrameType.data ? memory?.use() : undefined);
    return from + length;
  }

  #expect(length: number): void {
    this.#lengthAt = 0;
    this.#frame = Buffer.allocUnsafeSlow(length);
    this.#frameAt = 0;
  }

  #goOn(bytes: Uint8Array, at: number): number {
    const frame = this.#frame;
    if (!frame) return at;
    const piece = bytes.subarray(at, at + frame.length - this.#frameAt);
    frame.set(piece, this.#frameAt);
    this.#frameAt += piece.length;
    if (this.#frameAt === frame.length) {
      this.#frame = undefined;
      this.#onFrame(frame, Memory.under(frame)?.use());
    }
    return at + piece.length;
  }
}

const writeLength = (bytes: Uint8Array, at: number, length: number): void => {
  for (let index = 0; index < LENGTH_BYTES; index += 1)
    bytes[at + index] = length >>> (8 * (LENGTH_BYTES - 1 - index));
};

const readLength = (bytes: Uint8Array, at: number): number => {
  let length = 0;
  for (let index = 0; index < LENGTH_BYTES; index += 1) length = length * 256 + (bytes[at + index] ?? 0);
  if (length < HEADER_BYTES || length > MOST_FRAME_BYTES)
    throw new ProtocolError(`a frame of ${length} bytes`);
  return length;
};
