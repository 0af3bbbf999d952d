import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";

const HOUR_MS = 3_600_000;

/** What a job may print in an hour; more is dropped with a notice, and the job goes on. */
const LOG_QUOTA_PER_HOUR = 1024 * 1024 * 1024;

interface SpoolOptions {
  quotaPerHour?: number;
  now?: () => number;
}

/**
 * Appends a job's output to its spool, from where the log is sent. Losing output is better than losing the job:
 * over the quota, or where the disk is full or broken, bytes are dropped and a notice takes their place.
 */
export class SpoolWriter {
  readonly #fd: number;
  readonly #quota: number;
  readonly #now: () => number;
  #windowAt: number;
  #windowBytes = 0;
  #isQuotaSaid = false;
  #lostToDisk = 0;

  constructor(path: string, { quotaPerHour = LOG_QUOTA_PER_HOUR, now = Date.now }: SpoolOptions = {}) {
    this.#fd = openSync(path, "a", 0o600);
    this.#quota = quotaPerHour;
    this.#now = now;
    this.#windowAt = now();
  }

  /** Length of the spool in bytes. */
  get length(): number {
    return fstatSync(this.#fd).size;
  }

  append(bytes: Uint8Array): void {
    const now = this.#now();
    if (now - this.#windowAt >= HOUR_MS) {
      this.#windowAt = now;
      this.#windowBytes = 0;
      this.#isQuotaSaid = false;
    }
    const kept = bytes.subarray(0, this.#quota - this.#windowBytes);
    this.#windowBytes += kept.length;
    if (kept.length > 0) this.#write(kept);
    if (kept.length === bytes.length || this.#isQuotaSaid) return;
    this.#isQuotaSaid = true;
    this.#write(notice(`output over ${this.#quota} bytes in an hour is dropped`));
  }

  close(): void {
    closeSync(this.#fd);
  }

  #write(bytes: Uint8Array): void {
    try {
      if (this.#lostToDisk > 0) {
        writeFully(
          this.#fd,
          notice(`${this.#lostToDisk} bytes of output are missing: the disk was full or failed`),
        );
        this.#lostToDisk = 0;
      }
      writeFully(this.#fd, bytes);
    } catch {
      // Told in the spool itself, as soon as it can be written again.
      this.#lostToDisk += bytes.length;
    }
  }
}

/** Bytes of a spool from `offset`, at most `limit`; empty at its end, or while there is no spool yet. */
export const readSpool = (path: string, offset: number, limit: number): Uint8Array => {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return new Uint8Array();
    throw err;
  }
  try {
    const size = Math.min(limit, Math.max(0, fstatSync(fd).size - offset));
    const bytes = new Uint8Array(size);
    return bytes.subarray(0, size === 0 ? 0 : readSync(fd, bytes, 0, size, offset));
  } finally {
    closeSync(fd);
  }
};

const notice = (text: string): Uint8Array => Buffer.from(`\r\n[dstack] ${text}\r\n`);

const writeFully = (fd: number, bytes: Uint8Array): void => {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
};
