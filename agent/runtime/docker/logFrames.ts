/** The engine cuts longer lines into pieces of this many bytes. */
const PIECE = 16 * 1024;
/** Length of `2026-11-24T20:10:41.961612643Z `: the engine always gives nine digits. */
const STAMP = 31;
const STAMP_PATTERN = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z $/;
const NEWLINE = 0x0a;
const LINE_END = Buffer.of(NEWLINE);

/**
 * Turns the engine's log, read with timestamps, back into the bytes that the job wrote. A line is one message; a
 * longer one comes in pieces that all carry its time, and engines before 23 forget the newline after the last piece
 * (moby/moby, daemon/logger/local/read.go). Without the times that could not be seen, and every byte behind would
 * be taken for another one.
 */
export class LogFrames {
  #buffer: Buffer = Buffer.alloc(0);
  /** Time of the line whose pieces are being read. */
  #pieceOf: string | undefined;
  readonly #after: string;
  #newest: string;

  /** @param after Messages up to this time are left out; times compare as their texts do. */
  constructor(after = "") {
    this.#after = after;
    this.#newest = after;
  }

  /** The time of the last message of which anything was answered. */
  get newest(): string {
    return this.#newest;
  }

  /** Takes what came and answers the bytes of the job that are certain by now. */
  push(chunk: Uint8Array): Buffer[] {
    this.#buffer = this.#buffer.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#buffer, chunk]);
    const out: Buffer[] = [];
    let at = 0;
    for (let length = -1; length !== 0; at += length) length = this.#next(at, out);
    this.#buffer = this.#buffer.subarray(at);
    return out;
  }

  /** The log is at its end: what is left is a last line without an end. */
  end(): Buffer[] {
    const [stamp, rest] = [this.#buffer.toString("latin1", 0, STAMP), this.#buffer.subarray(STAMP)];
    this.#buffer = Buffer.alloc(0);
    return rest.length > 0 ? this.#answer(stamp, rest) : [];
  }

  /** Reads the message at `at`; answers its length in the buffer, 0 when it is not all there yet. */
  #next(at: number, out: Buffer[]): number {
    const buffer = this.#buffer;
    const body = at + STAMP;
    if (buffer.length < body) return 0;
    const stamp = buffer.toString("latin1", at, body);
    const newline = buffer.indexOf(NEWLINE, body);
    const lineEnd = newline < 0 || newline - body >= PIECE ? undefined : newline + 1;

    if (this.#pieceOf !== undefined) {
      const next = findStamp(buffer, body, Math.min(lineEnd ?? buffer.length, body + PIECE - 1 + STAMP));
      if (next !== undefined && buffer.toString("latin1", next, next + STAMP) !== this.#pieceOf) {
        this.#pieceOf = undefined;
        out.push(...this.#answer(stamp, buffer.subarray(body, next), LINE_END));
        return next - at;
      }
      // The last bytes could be the beginning of the next message.
      if (lineEnd === undefined && buffer.length < body + PIECE + STAMP) return 0;
    }
    if (lineEnd === undefined && buffer.length < body + PIECE) return 0;
    const end = lineEnd ?? body + PIECE;
    this.#pieceOf = lineEnd === undefined ? stamp : undefined;
    out.push(...this.#answer(stamp, buffer.subarray(body, end)));
    return end - at;
  }

  #answer(stamp: string, ...parts: Buffer[]): Buffer[] {
    if (stamp <= this.#after) return [];
    this.#newest = stamp;
    return parts;
  }
}

/**
 * Where a message begins inside a range. A job that prints times of exactly this form, in lines longer than a piece,
 * would deceive this; no other byte depends on it.
 */
const findStamp = (buffer: Buffer, from: number, to: number): number | undefined => {
  for (let z = buffer.indexOf("Z ", from); z >= 0 && z + 2 <= to; z = buffer.indexOf("Z ", z + 1)) {
    const start = z + 2 - STAMP;
    if (start >= from && STAMP_PATTERN.test(buffer.toString("latin1", start, z + 2))) return start;
  }
  return undefined;
};
