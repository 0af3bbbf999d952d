import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { delay } from "../../shared/async/delay.ts";
import { LogQuota, type LogQuotaOptions, noticeLine } from "./logQuota.ts";

/** So long output waits for room on the disk, and with it the job; then it is dropped. */
const PATIENCE_MS = 60_000;
const RETRY_MS = 250;
/** So much waits at most, where the job cannot be made to wait. */
const MAX_HELD_BYTES = 4 * 1024 ** 2;

export interface SpoolWriterOptions extends LogQuotaOptions {
  patienceMs?: number;
}

/**
 * Appends a job's output to its spool, from where the log is sent. A full disk is waited for; but losing output is better
 * than losing the job: where there is no room for long, and over the quota, bytes are dropped and a notice takes their
 * place.
 */
export class SpoolWriter {
  readonly #fd: number;
  readonly #quota: LogQuota;
  readonly #patienceMs: number;
  /** Not written yet, in order. */
  #held: Uint8Array[] = [];
  /** Settles when nothing is held any more. */
  #room: Promise<void> | undefined;
  #isLosing = false;
  #lost = 0;

  constructor(path: string, { patienceMs = PATIENCE_MS, ...quota }: SpoolWriterOptions = {}) {
    this.#fd = openSync(path, "a", 0o600);
    this.#quota = new LogQuota(quota);
    this.#patienceMs = patienceMs;
  }

  /** Length of the spool in bytes. */
  get length(): number {
    return fstatSync(this.#fd).size;
  }

  /** What it answers settles when more may come: the bytes are written, or given up. Undefined: at once. */
  append(bytes: Uint8Array): Promise<void> | undefined {
    const { kept, notice } = this.#quota.take(bytes.length);
    if (kept > 0) this.#put(kept === bytes.length ? bytes : bytes.subarray(0, kept));
    if (notice !== undefined) this.#put(noticeLine(notice));
    return this.#room;
  }

  /** Settles when nothing waits for room. */
  async settled(): Promise<void> {
    await this.#room;
  }

  /** There is no more to come; says what was lost last, if that can be written. */
  async end(): Promise<void> {
    await this.#room;
    if (this.#isLosing) this.#stopLosing();
    this.close();
  }

  close(): void {
    this.#held = [];
    closeSync(this.#fd);
  }

  #put(bytes: Uint8Array): void {
    if (this.#isLosing && !this.#stopLosing()) {
      this.#lost += bytes.length;
      return;
    }
    this.#held.push(bytes);
    if (this.#room === undefined && !this.#flush()) this.#room = this.#waitForRoom();
    else if (this.#room !== undefined && sizeOf(this.#held) > MAX_HELD_BYTES) this.#lose();
  }

  /** Writes what is held, as far as there is room; false: some is left. */
  #flush(): boolean {
    try {
      for (let first = this.#held[0]; first !== undefined; first = this.#held[0]) {
        const written = writeSync(this.#fd, first);
        if (written < first.length) this.#held[0] = first.subarray(written);
        else this.#held.shift();
      }
      return true;
    } catch {
      // Told in the spool itself, as soon as it can be written again.
      return false;
    }
  }

  async #waitForRoom(): Promise<void> {
    const until = performance.now() + this.#patienceMs;
    while (!this.#flush()) {
      await delay(RETRY_MS);
      if (performance.now() >= until) this.#lose();
    }
    this.#room = undefined;
  }

  /** Gives up what is held. */
  #lose(): void {
    this.#lost += sizeOf(this.#held);
    this.#held = [];
    this.#isLosing = true;
  }

  /** Says how much is missing, where there is room for that again. */
  #stopLosing(): boolean {
    if (this.#held.length === 0) {
      const notice = noticeLine(`${this.#lost} bytes of output are missing: the disk was full or failed`);
      this.#held = [notice];
      const isWhole = this.#flush();
      if (!isWhole && this.#held[0] === notice) {
        this.#held = [];
        return false;
      }
      this.#lost = 0;
      // Its end is written before anything else.
      if (!isWhole) return false;
    } else if (!this.#flush()) return false;
    if (this.#lost > 0) return this.#stopLosing();
    this.#isLosing = false;
    return true;
  }
}

const sizeOf = (parts: readonly Uint8Array[]): number => parts.reduce((sum, { length }) => sum + length, 0);

export interface SpoolPart {
  offset: number;
  limit: number;
  /** Taken for the bytes where it is large enough; whoever gives it must be done with what is in it. */
  buffer?: Uint8Array | undefined;
}

/** Bytes of a spool from `offset`, at most `limit`; none at its end, or while there is no spool yet. */
export const readSpool = (path: string, { offset, limit, buffer }: SpoolPart): Uint8Array => {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return new Uint8Array();
    throw err;
  }
  try {
    const size = Math.min(limit, Math.max(0, fstatSync(fd).size - offset));
    if (size === 0) return new Uint8Array();
    const bytes = buffer && buffer.length >= size ? buffer.subarray(0, size) : new Uint8Array(size);
    return bytes.subarray(0, readSync(fd, bytes, 0, size, offset));
  } finally {
    closeSync(fd);
  }
};
