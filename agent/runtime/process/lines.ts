import type { Socket } from "bun";

/** Far above a command with its environment; what is longer is no line of ours. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

/** Cuts a byte stream into the JSON values of its lines. Throws on what is not JSON, or too long. */
export class LineReader {
  #rest = Buffer.alloc(0);

  push(bytes: Uint8Array): unknown[] {
    this.#rest = this.#rest.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#rest, bytes]);
    const values: unknown[] = [];
    for (;;) {
      const end = this.#rest.indexOf(10);
      if (end < 0) break;
      values.push(JSON.parse(this.#rest.toString("utf8", 0, end)));
      this.#rest = this.#rest.subarray(end + 1);
    }
    if (this.#rest.length > MAX_LINE_BYTES) throw new Error(`A line is longer than ${MAX_LINE_BYTES} bytes`);
    return values;
  }
}

/** Writes lines to a socket that may take only part of them at a time: call `drain` when it has room again. */
export class LineWriter {
  readonly #socket: Pick<Socket, "write">;
  #waiting = Buffer.alloc(0);

  constructor(socket: Pick<Socket, "write">) {
    this.#socket = socket;
  }

  send(value: unknown): void {
    const line = Buffer.from(`${JSON.stringify(value)}\n`);
    this.#waiting = this.#waiting.length === 0 ? line : Buffer.concat([this.#waiting, line]);
    this.drain();
  }

  drain(): void {
    if (this.#waiting.length === 0) return;
    const written = this.#socket.write(this.#waiting);
    if (written > 0) this.#waiting = this.#waiting.subarray(written);
  }
}
