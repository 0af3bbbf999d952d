import { mkdirSync, renameSync, rmSync, statSync, utimesSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { Backoff } from "../../shared/async/backoff.ts";
import { delay } from "../../shared/async/delay.ts";
import { KeyedQueue } from "../../shared/async/keyedQueue.ts";
import { AppError, messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { blobPath } from "../../shared/protocol/blobs.ts";
import { checkRoom, hasNoRoom } from "../runtime/room.ts";
import { trimBlobs } from "./blobCache.ts";
import { call, codeOf, type LinkOptions } from "./client.ts";

/** A line that brings nothing for so long is dead. */
const SILENCE_MS = 60_000;
/** How long it is tried without a byte of progress. */
const PATIENCE_MS = 10 * 60_000;
const LONGEST_MS = 24 * 3600_000;
/** What the cache may hold. */
const MOST_CACHE_BYTES = 4 * 1024 ** 3;
/** What was used so lately may be unpacked just now. */
const IDLE_MS = 10 * 60_000;

export interface BlobDeps {
  link: LinkOptions;
  /** Folder of the cache. */
  dir: string;
  log: Logger;
  backoff?: () => Backoff;
}

/** Path of a blob on this host, downloaded unless it is there; its hash has been checked. */
export type FetchBlob = (sha256: string, signal: AbortSignal) => Promise<string>;

/**
 * Downloads go to disk as they come, into `<sha256>.part`, and go on from its length after any cut, also in another
 * process. Jobs that want the same blob wait for one download.
 */
export const createFetchBlob = (deps: BlobDeps): FetchBlob => {
  const queue = new KeyedQueue();
  return (sha256, signal) =>
    orAborted(
      queue.run(sha256, async () => {
        signal.throwIfAborted();
        const path = join(deps.dir, sha256);
        if (statSync(path, { throwIfNoEntry: false })) {
          utimesSync(path, new Date(), new Date());
          return path;
        }
        await download(deps, sha256, signal);
        trimBlobs(deps.dir, { keep: path, mostBytes: MOST_CACHE_BYTES });
        return path;
      }),
      signal,
    );
};

/** Nobody waits for another's download when it is of no use any more. */
const orAborted = async <T>(work: Promise<T>, signal: AbortSignal): Promise<T> => {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
};

const download = async (deps: BlobDeps, sha256: string, signal: AbortSignal): Promise<void> => {
  const path = join(deps.dir, sha256);
  const part = `${path}.part`;
  mkdirSync(deps.dir, { recursive: true, mode: 0o700 });
  const backoff = deps.backoff?.() ?? new Backoff();
  let giveUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    const begun = sizeOf(part);
    try {
      const hash = await addTo(part, { deps, sha256, signal });
      if (hash === sha256) return renameSync(part, path);
      rmSync(part, { force: true });
      // What an earlier attempt left may be damaged by a crash; what came just now in one piece is what they have.
      if (begun === 0) throw new AppError("invalid", `The download of file archive ${sha256} is damaged`);
    } catch (err) {
      signal.throwIfAborted();
      // It would only keep the disk full.
      if (hasNoRoom(err)) rmSync(part, { force: true });
      if (codeOf(err) !== "unavailable") throw err;
      if (sizeOf(part) > begun) {
        giveUpAt = performance.now() + PATIENCE_MS;
        backoff.reset();
      } else if (performance.now() > giveUpAt) throw err;
      deps.log.warn("A download was cut off; it goes on", {
        sha256,
        bytes: sizeOf(part),
        why: messageOf(err),
      });
      await delay(backoff.next(), signal);
    }
  }
};

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** Adds what is missing; answers the hash of the whole. */
const addTo = async (
  part: string,
  { deps, sha256, signal }: { deps: BlobDeps; sha256: string; signal: AbortSignal },
): Promise<string> => {
  const silence = new AbortController();
  const answer = await call(deps.link, {
    path: blobPath(sha256),
    from: sizeOf(part),
    signal: AbortSignal.any([signal, silence.signal]),
    timeoutMs: LONGEST_MS,
  });
  const length = answer.headers.get("content-length");
  makeRoom(deps.dir, Number(length ?? 0));
  const isRest = answer.status === 206;
  await using file = await open(part, isRest ? "a" : "w", 0o600);
  const hash = new Bun.CryptoHasher("sha256");
  if (isRest) for await (const bytes of Bun.file(part).stream()) hash.update(bytes);
  let left = length === null ? 0 : Number(length);
  for await (const bytes of piecesOf(answer, silence)) {
    hash.update(bytes);
    await writeWhole(file, bytes);
    left -= bytes.length;
  }
  if (left > 0) throw new AppError("unavailable", `The download was cut off: ${left} bytes are missing`);
  return hash.digest("hex");
};

/** What nobody has used for a while gives way. */
const makeRoom = (dir: string, bytes: number): void => {
  try {
    checkRoom(dir, bytes);
  } catch (err) {
    if (!hasNoRoom(err)) throw err;
    trimBlobs(dir, { mostBytes: 0, idleMs: IDLE_MS });
    checkRoom(dir, bytes);
  }
};

const writeWhole = async (file: FileHandle, bytes: Uint8Array): Promise<void> => {
  for (let done = 0; done < bytes.length; ) done += (await file.write(bytes, done)).bytesWritten;
};

/** What comes; `unavailable` where it ends too early. */
async function* piecesOf(answer: Response, silence: AbortController): AsyncGenerator<Uint8Array, void> {
  const reader = answer.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const timer = setTimeout(() => silence.abort(), SILENCE_MS);
      const { done, value } = await reader.read().finally(() => clearTimeout(timer));
      if (done) return;
      yield value;
    }
  } catch (cause) {
    throw new AppError("unavailable", `The download was cut off: ${messageOf(cause)}`, { cause });
  } finally {
    // Of a body that broke off this fails as its reading did, which is told already.
    await reader.cancel().catch(() => {});
  }
}
