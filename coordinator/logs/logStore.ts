import { createHash } from "node:crypto";
import { createReadStream, existsSync, mkdirSync } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { KeyedQueue } from "../../shared/async/keyedQueue.ts";
import { TimeIndex } from "./timeIndex.ts";

/** Under which the store has what the agent says about a submission, beside the submission's own output. */
export const agentLogOf = (submissionId: string): string => `${submissionId}.agent`;

interface OpenLog {
  file: FileHandle;
  length: number;
  times: TimeIndex;
}

/**
 * The output of every submission, byte by byte as the job wrote it: one file and one time index each. The
 * file's length is the truth about what is held, so a crash can only shorten it, and agents resume from there.
 */
export class LogStore {
  readonly #dir: string;
  readonly #open = new Map<string, OpenLog>();
  readonly #queue = new KeyedQueue();
  readonly #listeners = new Map<string, Set<() => void>>();

  constructor(dir: string) {
    this.#dir = dir;
  }

  /**
   * Stores `bytes`, which begin at byte `offset` of the output and were produced at `at`; returns the length
   * held afterwards. What is held already is skipped (a repeat); bytes behind a gap are not stored.
   */
  append(submissionId: string, bytes: Uint8Array, where: { offset: number; at: number }): Promise<number> {
    return this.#queue.run(submissionId, async () => {
      const held = await this.length(submissionId);
      // Not opened for a question, nor for a repeat: one may come when all is held and the files are closed for good.
      if (where.offset > held || held - where.offset >= bytes.length) return held;
      const log = await this.#openLog(submissionId);
      const fresh = bytes.subarray(log.length - where.offset);
      log.times.add(log.length, where.at);
      for (let done = 0; done < fresh.length; )
        done += (await log.file.write(fresh, done, fresh.length - done, log.length + done)).bytesWritten;
      log.length += fresh.length;
      for (const listener of this.#listeners.get(submissionId) ?? []) listener();
      return log.length;
    });
  }

  /** How many bytes of output are held. */
  async length(submissionId: string): Promise<number> {
    const live = this.#open.get(submissionId);
    if (live) return live.length;
    const path = this.#path(submissionId, "log");
    return existsSync(path) ? (await stat(path)).size : 0;
  }

  /** At most `maxBytes` bytes from `offset` on; empty at the end. */
  async read(submissionId: string, offset: number, maxBytes: number): Promise<Uint8Array> {
    const size = Math.min(maxBytes, (await this.length(submissionId)) - offset);
    if (size <= 0) return new Uint8Array();
    const bytes = new Uint8Array(size);
    const live = this.#open.get(submissionId);
    if (live) return bytes.subarray(0, (await live.file.read(bytes, 0, size, offset)).bytesRead);
    await using file = await open(this.#path(submissionId, "log"), "r");
    return bytes.subarray(0, (await file.read(bytes, 0, size, offset)).bytesRead);
  }

  /** When which byte was produced. Of a log that is closed it is read anew: whoever asks more than once keeps it. */
  times(submissionId: string): Pick<TimeIndex, "timeAt" | "offsetAfter"> {
    return this.#times(submissionId);
  }

  /** Where the output produced after `at` begins: the end when there is none yet. */
  async offsetAfter(submissionId: string, at: number): Promise<number> {
    return this.#times(submissionId).offsetAfter(at) ?? (await this.length(submissionId));
  }

  /** Calls back after every append; returns the unsubscribe. */
  onAppend(submissionId: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(submissionId) ?? new Set();
    this.#listeners.set(submissionId, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(submissionId);
    };
  }

  /** SHA-256 hex of the whole output held. */
  async digest(submissionId: string): Promise<string> {
    const hash = createHash("sha256");
    const path = this.#path(submissionId, "log");
    if (existsSync(path)) for await (const chunk of createReadStream(path)) hash.update(chunk);
    return hash.digest("hex");
  }

  /** Makes what is held durable and closes the files of a submission that has no more output. */
  finish(submissionId: string): Promise<void> {
    return this.#queue.run(submissionId, async () => {
      const log = this.#open.get(submissionId);
      this.#open.delete(submissionId);
      log?.times.close();
      await log?.file.datasync();
      await log?.file.close();
    });
  }

  /** Waits for the appends under way and closes all files. */
  async close(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((id) => this.finish(id)));
    await this.#queue.idle();
  }

  async #openLog(submissionId: string): Promise<OpenLog> {
    const live = this.#open.get(submissionId);
    if (live) return live;
    const path = this.#path(submissionId, "log");
    mkdirSync(dirname(path), { recursive: true });
    const file = await open(path, existsSync(path) ? "r+" : "wx+");
    const log = { file, length: (await file.stat()).size, times: this.#times(submissionId) };
    this.#open.set(submissionId, log);
    return log;
  }

  #times(submissionId: string): TimeIndex {
    return this.#open.get(submissionId)?.times ?? new TimeIndex(this.#path(submissionId, "times"));
  }

  /** Two levels, so that no folder holds hundreds of thousands of files. Ids are UUIDs, checked by the callers. */
  #path(submissionId: string, ending: "log" | "times"): string {
    return join(this.#dir, submissionId.slice(0, 2), `${submissionId}.${ending}`);
  }
}
