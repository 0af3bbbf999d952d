/** What the process that listens for a client says on its output, and hears on its input, of the connections it has taken. */
export type SocketFrame =
  | { kind: "opened"; id: number }
  | { kind: "data"; id: number; bytes: Uint8Array }
  /** That direction is over. */
  | { kind: "ended"; id: number }
  /** Both are. */
  | { kind: "closed"; id: number };

const KINDS = ["opened", "data", "ended", "closed"] as const;
/** Kind, connection, length of what follows. */
const HEAD_BYTES = 9;
const MOST_BYTES = 256 * 1024;

export const encodeFrame = (frame: SocketFrame): Uint8Array => {
  const bytes = frame.kind === "data" ? frame.bytes : new Uint8Array();
  const encoded = Buffer.alloc(HEAD_BYTES + bytes.length);
  encoded[0] = KINDS.indexOf(frame.kind);
  encoded.writeUInt32BE(frame.id, 1);
  encoded.writeUInt32BE(bytes.length, 5);
  encoded.set(bytes, HEAD_BYTES);
  return encoded;
};

/** Makes frames of bytes as they come. */
export class FrameReader {
  #waiting = Buffer.alloc(0);

  read(bytes: Uint8Array): SocketFrame[] {
    this.#waiting = Buffer.concat([this.#waiting, bytes]);
    const frames: SocketFrame[] = [];
    while (this.#waiting.length >= HEAD_BYTES) {
      const length = this.#waiting.readUInt32BE(5);
      const kind = KINDS[this.#waiting[0] ?? 0];
      if (kind === undefined || length > MOST_BYTES) throw new Error("This is no frame of a socket");
      if (this.#waiting.length < HEAD_BYTES + length) break;
      const id = this.#waiting.readUInt32BE(1);
      const payload = this.#waiting.subarray(HEAD_BYTES, HEAD_BYTES + length);
      frames.push(kind === "data" ? { kind, id, bytes: payload } : { kind, id });
      this.#waiting = this.#waiting.subarray(HEAD_BYTES + length);
    }
    return frames;
  }
}
