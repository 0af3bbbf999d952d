import type { Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { delay } from "../../../shared/async/delay.ts";
import { messageOf } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import { LogQuota, type LogQuotaOptions, noticeLine } from "../../jobs/logQuota.ts";
import { findPosition, type Position, writePosition } from "./position.ts";

export interface SpoolOptions {
  path: string;
  log: Logger;
  onOutput: () => void;
  /** Aborted: the job is over, do not wait any longer for room on the disk. */
  giveUp: AbortSignal;
  quota?: LogQuotaOptions;
}

const RETRY_MS = 1_000;

/**
 * A job's output on disk. One writer at a time. What stands in it need not be what the job printed: there are notices
 * among it, and what is over the quota is missing. {@link source} says to which byte of the job it has come.
 */
export class Spool implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #options: SpoolOptions;
  readonly #quota: LogQuota;
  /** When something of the job was last written to it, milliseconds since 1970. */
  writtenAt: number;
  #size: number;
  #position: Position;
  /** Bytes of the job that were dropped since the last position was written. */
  #dropped = 0;

  private constructor(file: FileHandle, { size, mtimeMs }: Stats, options: SpoolOptions) {
    this.#file = file;
    this.#size = size;
    this.writtenAt = mtimeMs;
    this.#options = options;
    this.#quota = new LogQuota(options.quota);
    this.#position = findPosition(options.path) ?? { source: 0, spool: 0 };
  }

  static async open(options: SpoolOptions): Promise<Spool> {
    const file = await open(options.path, "a", 0o600);
    return new Spool(file, await file.stat(), options);
  }

  /** How much of the job's own output has been dealt with: where to go on in the engine's log. */
  get source(): number {
    return this.#position.source + Math.max(0, this.#size - this.#position.spool) + this.#dropped;
  }

  get path(): string {
    return this.#options.path;
  }

  /**
   * Settles when the bytes are written. With a full disk it waits for room, and with it the job, whose pipe fills
   * up: output is never lost as long as the job can wait.
   */
  async append(bytes: Uint8Array): Promise<void> {
    const { kept, notice } = this.#quota.take(bytes.length);
    if (kept > 0) {
      if (this.#dropped > 0) this.#mark(0);
      await this.#write(kept === bytes.length ? bytes : bytes.subarray(0, kept));
    }
    if (notice !== undefined) await this.notice(notice);
    this.#dropped += bytes.length - kept;
    this.writtenAt = Date.now();
    this.#options.onOutput();
  }

  /** A line of the agent's own among the job's. */
  async notice(text: string): Promise<void> {
    const line = noticeLine(text, this.#size === 0);
    // Before the line: a crash in between must not have its bytes taken for the job's.
    this.#mark(line.length);
    await this.#write(line);
  }

  #mark(ownBytes: number): void {
    const position = { source: this.source, spool: this.#size + ownBytes };
    try {
      writePosition(this.#options.path, position);
    } catch (err) {
      // It only matters to a later process of the agent, and only where the engine's log has to be read again.
      this.#options.log.warn("Cannot write down how far a job's output has come", { reason: messageOf(err) });
    }
    this.#position = position;
    this.#dropped = 0;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const { log, giveUp, path } = this.#options;
    let rest = bytes;
    while (rest.length > 0) {
      try {
        const { bytesWritten } = await this.#file.write(rest);
        this.#size += bytesWritten;
        rest = rest.subarray(bytesWritten);
      } catch (err) {
        log.warn("Cannot write the job's output, the job waits", { path, reason: messageOf(err) });
        if (giveUp.aborted) return;
        await delay(RETRY_MS, giveUp);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}
