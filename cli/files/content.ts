/** Bytes of a known number that can be read again, from any of them on, without being held anywhere. */
export interface Content {
  readonly size: number;
  /** Each piece is good until the next one is asked for: its memory is used again. */
  read(from?: number): Iterable<Uint8Array>;
}

/** Told how many bytes are done, of how many. */
export type OnProgress = (done: number, total: number) => void;

/** Others have their turn as often. */
const TURN_BYTES = 16 * 1024 ** 2;

/** SHA-256 of all of it, in hex. */
export const hashOf = async (content: Content, onProgress: OnProgress): Promise<string> => {
  const hash = new Bun.CryptoHasher("sha256");
  let [done, turn] = [0, 0];
  for (const piece of content.read()) {
    hash.update(piece);
    done += piece.length;
    turn += piece.length;
    if (turn < TURN_BYTES) continue;
    turn = 0;
    onProgress(done, content.size);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return hash.digest("hex");
};

/** Gathers pieces into parts, each as long as is wanted when it is asked for, and good until the next one is. */
export class Parts {
  readonly #pieces: Iterator<Uint8Array>;
  readonly #buffer: Uint8Array<ArrayBuffer>;
  #left: Uint8Array = new Uint8Array();

  constructor(content: Content, { from, most }: { from: number; most: number }) {
    this.#pieces = content.read(from)[Symbol.iterator]();
    this.#buffer = new Uint8Array(Math.min(most, content.size - from));
  }

  /** At most `size` and `most` bytes; empty: there is no more. */
  next(size: number): Uint8Array<ArrayBuffer> {
    const part = this.#buffer.subarray(0, size);
    let length = 0;
    while (length < part.length) {
      if (this.#left.length === 0) {
        const { done, value } = this.#pieces.next();
        if (done) break;
        this.#left = value;
      }
      const fitting = this.#left.subarray(0, part.length - length);
      part.set(fitting, length);
      length += fitting.length;
      this.#left = this.#left.subarray(fitting.length);
    }
    return part.subarray(0, length);
  }

  /** What is open is closed. */
  [Symbol.dispose](): void {
    this.#pieces.return?.();
  }
}
