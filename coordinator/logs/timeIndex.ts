import { closeSync, existsSync, openSync, readFileSync, writeSync } from "node:fs";

/** One mark: from byte `offset` on, the output was produced at `at` (milliseconds since 1970) or later. */
interface Mark {
  offset: number;
  at: number;
}

const MARK_BYTES = 16;

/** Marks nearer to each other than this are one: it bounds the index of a job that never stops talking. */
const RESOLUTION_MS = 100;

/**
 * Tells when a byte of a log was written. A file of 16-byte marks (two little-endian doubles: offset, time)
 * beside the log, appended to as the log grows. A torn last mark, left by a crash, is ignored.
 */
export class TimeIndex {
  readonly #path: string;
  readonly #marks: Mark[];
  #fd: number | undefined;

  constructor(path: string) {
    this.#path = path;
    this.#marks = existsSync(path) ? parseMarks(readFileSync(path)) : [];
  }

  /** Bytes from `offset` on were produced at `at`; times that go back (a clock was set) count as no later. */
  add(offset: number, at: number): void {
    const last = this.#marks.at(-1);
    if (last && at - last.at < RESOLUTION_MS) return;
    this.#fd ??= openSync(this.#path, "a");
    const bytes = Buffer.alloc(MARK_BYTES);
    bytes.writeDoubleLE(offset, 0);
    bytes.writeDoubleLE(at, 8);
    writeSync(this.#fd, bytes);
    this.#marks.push({ offset, at });
  }

  /** When the byte at `offset` was produced; undefined for a log without marks. */
  timeAt(offset: number): number | undefined {
    return this.#marks[this.#lastIndex((mark) => mark.offset <= offset)]?.at ?? this.#marks[0]?.at;
  }

  /** Where the output produced after `at` begins; undefined when there is none. */
  offsetAfter(at: number): number | undefined {
    return this.#marks[this.#lastIndex((mark) => mark.at <= at) + 1]?.offset;
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  /** Index of the last mark that satisfies a condition which holds for a beginning of the list only; -1: none. */
  #lastIndex(holds: (mark: Mark) => boolean): number {
    let low = 0;
    let high = this.#marks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const mark = this.#marks[middle];
      if (mark && holds(mark)) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

const parseMarks = (bytes: Buffer): Mark[] => {
  const marks: Mark[] = [];
  for (let i = 0; i + MARK_BYTES <= bytes.length; i += MARK_BYTES)
    marks.push({ offset: bytes.readDoubleLE(i), at: bytes.readDoubleLE(i + 8) });
  return marks;
};
