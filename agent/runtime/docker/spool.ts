import { type FileHandle, open } from "node:fs/promises";
import { delay } from "../../../shared/async/delay.ts";
import { messageOf } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";

export interface SpoolOptions {
  path: string;
  log: Logger;
  onOutput: () => void;
  /** Aborted: the job is over, do not wait any longer for room on the disk. */
  giveUp: AbortSignal;
}

const RETRY_MS = 1_000;

/** A job's output on disk. One writer at a time. */
export class Spool implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #options: SpoolOptions;
  #size: number;

  private constructor(file: FileHandle, size: number, options: SpoolOptions) {
    this.#file = file;
    this.#size = size;
    this.#options = options;
  }

  static async open(options: SpoolOptions): Promise<Spool> {
    const file = await open(options.path, "a", 0o600);
    return new Spool(file, (await file.stat()).size, options);
  }

  get size(): number {
    return this.#size;
  }

  get path(): string {
    return this.#options.path;
  }

  /**
   * Settles when the bytes are written. With a full disk it waits for room, and with it the job, whose pipe fills
   * up: output is never lost as long as the job can wait.
   */
  async append(bytes: Uint8Array): Promise<void> {
    const { log, onOutput, giveUp, path } = this.#options;
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
    onOutput();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}
