/** Smaller buffers are of no account, and looking at theirs would cost more than it spares. */
const LEAST_BYTES = 16 * 1024;

/**
 * The buffer under bytes that are on their way. It is given back as soon as nobody needs it: garbage of so many bytes a
 * second is collected late, and until then each of them is in memory that the system has to clear first. Whoever does
 * not say so (a stream that broke) leaves it to the collector.
 */
export class Memory {
  readonly #buffer: ArrayBuffer;
  #users = 0;

  private constructor(buffer: ArrayBuffer) {
    this.#buffer = buffer;
  }

  /** Of bytes that nobody else has, nor will look at; undefined: not worth it, or they are but a part of their buffer. */
  static under(bytes: Uint8Array): Memory | undefined {
    if (bytes.length < LEAST_BYTES) return undefined;
    const { buffer } = bytes;
    const isWhole = buffer.byteLength === bytes.length && buffer instanceof ArrayBuffer;
    return isWhole ? new Memory(buffer) : undefined;
  }

  /** One more needs it, until they release it. */
  use(): this {
    this.#users += 1;
    return this;
  }

  release(): void {
    this.#users -= 1;
    // What it held goes with the buffer that takes its place.
    if (this.#users === 0) this.#buffer.transfer(0);
  }
}
