import { closeSync, existsSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";

/** A mark: from byte `offset` on, the output was produced at `at` (milliseconds since 1970) or later. */
const NUMBERS = 2;
const MARK_BYTES = NUMBERS * Float64Array.BYTES_PER_ELEMENT;

/** Marks nearer to each other than this are one: it bounds the index of a job that never stops talking. */
const RESOLUTION_MS = 100;

/**
 * Tells when a byte of a log was written. A file of 16-byte marks (two little-endian doubles: offset, time)
 * beside the log, appended to as the log grows. A torn last mark, left by a crash, is ignored. A day of output has
 * 800,000 marks, so that they are held as they are in the file.
 */
export class TimeIndex {
  readonly #path: string;
  #marks: Float64Array;
  #count: number;
  #fd: number | undefined;

  constructor(path: string) {
    this.#path = path;
    this.#marks = existsSync(path) ? readMarks(path) : new Float64Array();
    this.#count = this.#marks.length / NUMBERS;
  }

  /** Bytes from `offset` on were produced at `at`; times that go back (a clock was set) count as no later. */
  add(offset: number, at: number): void {
    if (this.#count > 0 && at - this.#at(this.#count - 1) < RESOLUTION_MS) return;
    this.#fd ??= this.#openEnd();
    const mark = Float64Array.of(offset, at);
    writeSync(this.#fd, new Uint8Array(mark.buffer));
    if (this.#count * NUMBERS === this.#marks.length) this.#grow();
    this.#marks.set(mark, this.#count++ * NUMBERS);
  }

  /** When the byte at `offset` was produced; undefined for a log without marks. */
  timeAt(offset: number): number | undefined {
    if (this.#count === 0) return undefined;
    return this.#at(
      Math.max(
        0,
        this.#lastIndex((mark) => this.#offset(mark) <= offset),
      ),
    );
  }

  /** Where the output produced after `at` begins; undefined when there is none. */
  offsetAfter(at: number): number | undefined {
    const next = this.#lastIndex((mark) => this.#at(mark) <= at) + 1;
    return next < this.#count ? this.#offset(next) : undefined;
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  /** Behind the last whole mark: one after a torn one could never be read. */
  #openEnd(): number {
    const fd = openSync(this.#path, "a");
    ftruncateSync(fd, this.#count * MARK_BYTES);
    return fd;
  }

  #offset(mark: number): number {
    return this.#marks[mark * NUMBERS] ?? 0;
  }

  #at(mark: number): number {
    return this.#marks[mark * NUMBERS + 1] ?? 0;
  }

  #grow(): void {
    const larger = new Float64Array(Math.max(64, this.#marks.length * 2));
    larger.set(this.#marks);
    this.#marks = larger;
  }

  /** Index of the last mark that satisfies a condition which holds for a beginning of the list only; -1: none. */
  #lastIndex(holds: (mark: number) => boolean): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (holds(middle)) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** All machines that this runs on have the file's order of bytes. */
const readMarks = (path: string): Float64Array => {
  const bytes = readFileSync(path);
  const whole = bytes.subarray(0, bytes.length - (bytes.length % MARK_BYTES));
  return new Float64Array(new Uint8Array(whole).buffer);
};
