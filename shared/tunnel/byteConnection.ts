import type { Socket } from "bun";
import { messageOf } from "../errors.ts";
import { FrameReader, FrameWriter } from "./byteFrames.ts";
import {
  decodeFrame,
  decodeJson,
  encodeJson,
  type Frame,
  FrameType,
  frameOf,
  ProtocolError,
} from "./frame.ts";
import type { Transport } from "./link.ts";
import type { Memory } from "./memory.ts";

export interface ConnectionOwner {
  /** The other side's first frame; what is in it is to be checked. */
  greeted(content: unknown): void;
  /** A frame of the link, and what is under it (`FrameReader`). */
  received(bytes: Uint8Array, memory: Memory | undefined): void;
  /** The other side has ended the link. */
  ended(reason: string): void;
}

type ByteSocket = Pick<Socket<unknown>, "write" | "end" | "terminate">;

/**
 * A connection of bytes under a link, as a TLS connection is. The first frame of each side is a greeting of its own
 * making (`hello`); a second one says that the link is over, and why.
 */
export class ByteConnection implements Transport {
  readonly #socket: ByteSocket;
  readonly #writer: FrameWriter;
  readonly #reader: FrameReader;
  readonly #owner: ConnectionOwner;
  #isGreeted = false;
  #isOver = false;

  constructor(socket: ByteSocket, owner: ConnectionOwner) {
    this.#socket = socket;
    this.#owner = owner;
    this.#writer = new FrameWriter((bytes) => (this.#isOver ? 0 : socket.write(bytes)));
    this.#reader = new FrameReader((bytes, memory) => this.#frame(bytes, memory));
  }

  greet(content: unknown): void {
    this.send(frameOf(FrameType.hello, 0, encodeJson(content)));
  }

  send(frame: Frame): void {
    if (!this.#isOver) this.#writer.send(frame);
  }

  close(reason: string): void {
    if (this.#isOver) return;
    this.greet({ reason });
    this.#writer.flush();
    this.#isOver = true;
    this.#socket.end();
  }

  giveUp(): void {
    this.#isOver = true;
    this.#socket.terminate();
  }

  /** What the socket's handlers say. */
  data(bytes: Uint8Array): void {
    try {
      if (!this.#isOver) this.#reader.push(bytes);
    } catch (err) {
      if (!(err instanceof ProtocolError)) throw err;
      this.close(messageOf(err));
    }
  }

  drain(): void {
    if (!this.#isOver) this.#writer.drain();
  }

  #frame(bytes: Uint8Array, memory: Memory | undefined): void {
    if (this.#isOver) return;
    if (this.#isGreeted && bytes[0] !== FrameType.hello) {
      this.#owner.received(bytes, memory);
      return;
    }
    const { type, payload } = decodeFrame(bytes);
    if (type !== FrameType.hello) throw new ProtocolError("something else in place of a greeting");
    const content = decodeJson(payload);
    if (this.#isGreeted) this.#owner.ended(reasonIn(content));
    else {
      this.#isGreeted = true;
      this.#owner.greeted(content);
    }
  }
}

const LONGEST_REASON = 200;

const reasonIn = (content: unknown): string =>
  typeof content === "object" && content !== null && "reason" in content
    ? String(content.reason).slice(0, LONGEST_REASON)
    : "closed";
