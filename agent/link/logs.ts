import { statSync } from "node:fs";
import { Backoff } from "../../shared/async/backoff.ts";
import type { Logger } from "../../shared/log.ts";
import { LogAnswer } from "../../shared/protocol/logs.ts";
import { readSpool, type SpoolPart } from "../jobs/spool.ts";
import { fillCut, findCut, type SpoolSpace } from "../jobs/spoolSpace.ts";
import { callJson, codeOf, type LinkOptions } from "./client.ts";
import { Outage } from "./outage.ts";
import { Wake } from "./wake.ts";

/** Large enough to be fast, small enough that the first bytes of a burst are not held up by the last. */
const BATCH_BYTES = 1024 * 1024;

/** Less than so much is not worth a request of its own as often as it comes. */
const ENOUGH_BYTES = 128 * 1024;
/** What is printed so soon after the last request waits for more of it: nobody reads faster. */
const GATHER_MS = 8;

/** Nobody is cut off for longer than hours without the seconds of the first being of no interest any more. */
const MAX_TIMES = 20_000;

export interface LogUploadDeps {
  link: LinkOptions;
  /** Absent: spools stay whole as long as their jobs are here. */
  space?: SpoolSpace;
  log: Logger;
  /** The coordinator says that this host has no right to the submission any more. */
  onFenced: (submissionId: string) => void;
}

export interface LogSource {
  submissionId: string;
  spoolPath: string;
  /** An earlier process of the agent has sent some of it: where to go on is asked first. */
  isResumed: boolean;
  signal: AbortSignal;
}

export interface LogUpload {
  /** The spool has grown. */
  grown(): void;
  /** There will be no more output and the coordinator knows it. */
  close(): void;
  /** The coordinator answers again. */
  retry(): void;
  /** Where the output begins that came at a time (milliseconds since 1970) or after it. */
  offsetAt(at: number): number;
  /** Settles when the coordinator holds all of a closed log, or the signal aborted. */
  done: Promise<void>;
}

/**
 * Sends a job's output from its spool, as soon as there is any and as much as there is, one request at a time. The
 * coordinator's answer says where to go on, so it does not matter what either side lost.
 */
export const uploadLog = (
  deps: LogUploadDeps,
  { submissionId, spoolPath, isResumed, signal }: LogSource,
): LogUpload => {
  const due = new Wake();
  const hurry = new Wake();
  const times = new OutputTimes(spoolPath);
  let isClosed = false;
  // The job is being removed, or the agent ends.
  signal.addEventListener("abort", () => deps.space?.forget(spoolPath), { once: true });
  const send = (offset: number, bytes: Uint8Array) =>
    callJson(
      deps.link,
      {
        path: `/logs/${submissionId}?offset=${offset}&at=${times.at(offset)}`,
        bytes: bytes as Uint8Array<ArrayBuffer>,
        signal,
      },
      LogAnswer,
    );
  const run = async () => {
    const backoff = new Backoff();
    const outage = new Outage(deps.log, "Cannot send a job's output; trying again");
    let buffer: Uint8Array | undefined;
    for (let [offset, mustAsk] = [0, isResumed]; !signal.aborted; ) {
      const wasClosed = isClosed;
      const limit = mustAsk ? 0 : Math.min(BATCH_BYTES, times.endOf(offset) - offset);
      const bytes = readWhole(spoolPath, { offset, limit, buffer });
      // Of a job that prints without a pause they are all as large, but hundreds of jobs may say nothing.
      buffer = bytes.length === BATCH_BYTES ? bytes : undefined;
      if (bytes.length === 0 && !wasClosed && !mustAsk) {
        await due.wait(signal);
        continue;
      }
      try {
        const answer = await send(offset, bytes);
        outage.over({ submission_id: submissionId });
        deps.space?.acknowledged(spoolPath, answer.length);
        // The coordinator waits for more than there is: it is asked ever more seldom whether it still does.
        const isEnd = wasClosed && bytes.length === 0 && answer.length === offset;
        if (!isEnd) backoff.reset();
        [offset, mustAsk] = [answer.length, false];
        if (wasClosed && answer.sha256) return await check(deps.log, spoolPath, { submissionId, ...answer });
        if (isEnd) await due.wait(signal, backoff.next());
        else if (bytes.length < Math.min(limit, ENOUGH_BYTES) && !isClosed)
          await hurry.wait(signal, GATHER_MS);
      } catch (err) {
        // The request that failed may still be reading it.
        buffer = undefined;
        if (signal.aborted) return;
        if (codeOf(err) === "fenced") return deps.onFenced(submissionId);
        outage.failed(err, { submission_id: submissionId });
        await due.wait(signal, backoff.next());
      }
    }
  };
  return {
    grown: () => {
      times.note();
      due.wake();
    },
    close: () => {
      isClosed = true;
      due.wake();
      hurry.wake();
    },
    retry: () => due.wake(),
    offsetAt: (at) => times.offsetAt(at),
    done: run().catch((err: unknown) =>
      deps.log.error("Cannot read a job's output", { submission_id: submissionId, err }),
    ),
  };
};

/** A part of the output, with words in place of what the host has no more. */
export const readWhole = (path: string, part: SpoolPart): Uint8Array => {
  const bytes = readSpool(path, part);
  return bytes.length === 0 ? bytes : fillCut(bytes, { offset: part.offset, cut: findCut(path) });
};

/** What came within so long of the first of it is one part. */
const PART_MS = 1_000;

/** When which part of the output came, to a second: what is sent late keeps its time. */
class OutputTimes {
  readonly #path: string;
  readonly #starts: { offset: number; at: number }[] = [];
  #noted = 0;

  constructor(path: string) {
    this.#path = path;
    // What an earlier process of the agent has left: its end is all that is known.
    const left = statSync(path, { throwIfNoEntry: false });
    if (left) {
      this.#starts.push({ offset: 0, at: Math.round(left.mtimeMs) });
      this.#noted = left.size;
    }
  }

  note(): void {
    const now = Date.now();
    if (now - (this.#starts.at(-1)?.at ?? 0) >= PART_MS) this.#starts.push({ offset: this.#noted, at: now });
    if (this.#starts.length > MAX_TIMES) this.#starts.shift();
    this.#noted = statSync(this.#path, { throwIfNoEntry: false })?.size ?? this.#noted;
  }

  at(offset: number): number {
    return this.#starts.findLast((start) => start.offset <= offset)?.at ?? this.#starts[0]?.at ?? Date.now();
  }

  offsetAt(at: number): number {
    return this.#starts.find((start) => start.at + PART_MS > at)?.offset ?? this.#noted;
  }

  /** Where the part with another time begins. */
  endOf(offset: number): number {
    return this.#starts.find((start) => start.offset > offset)?.offset ?? Number.POSITIVE_INFINITY;
  }
}

/** A difference means that bytes were lost or changed on the way: nothing can mend it, but it must not pass unseen. */
const check = async (
  log: Logger,
  spoolPath: string,
  { submissionId, length, sha256 }: LogAnswer & { submissionId: string },
): Promise<void> => {
  // Of one whose space was given back there is nothing left to compare with.
  if (findCut(spoolPath) > 0) return;
  const hash = new Bun.CryptoHasher("sha256");
  let size = 0;
  if (statSync(spoolPath, { throwIfNoEntry: false })) {
    for await (const bytes of Bun.file(spoolPath).stream()) {
      hash.update(bytes);
      size += bytes.length;
    }
  }
  if (size === length && hash.digest("hex") === sha256) return;
  log.error("The coordinator holds other output than the job printed", {
    submissionId,
    length,
    spooled: size,
  });
};
