import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { LogQuota, type LogQuotaOptions, noticeLine } from "./logQuota.ts";

/**
 * Appends a job's output to its spool, from where the log is sent. Losing output is better than losing the job:
 * over the quota, or where the disk is full or broken, bytes are dropped and a notice takes their place.
 */
export class SpoolWriter {
  readonly #fd: number;
  readonly #quota: LogQuota;
  #lostToDisk = 0;

  constructor(path: string, quota: LogQuotaOptions = {}) {
    this.#fd = openSync(path, "a", 0o600);
    this.#quota = new LogQuota(quota);
  }

  /** Length of the spool in bytes. */
  get length(): number {
    return fstatSync(this.#fd).size;
  }

  append(bytes: Uint8Array): void {
    const { kept, notice } = this.#quota.take(bytes.length);
    if (kept > 0) this.#write(kept === bytes.length ? bytes : bytes.subarray(0, kept));
    if (notice !== undefined) this.#write(noticeLine(notice));
  }

  close(): void {
    closeSync(this.#fd);
  }

  #write(bytes: Uint8Array): void {
    try {
      if (this.#lostToDisk > 0) {
        writeFully(
          this.#fd,
          noticeLine(`${this.#lostToDisk} bytes of output are missing: the disk was full or failed`),
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

const writeFully = (fd: number, bytes: Uint8Array): void => {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
};
