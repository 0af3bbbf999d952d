import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { KeyedQueue } from "../../shared/async/keyedQueue.ts";
import type { Clock } from "../../shared/clock.ts";
import { AppError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { BlobStore } from "./blobStore.ts";
import { checkRoom, writeFailure } from "./diskRoom.ts";
import { type Received, receive } from "./receive.ts";

/** An upload that is gone on with: whose it is, and what it is to become. */
export interface UploadKey {
  userId: string;
  sha256: string;
  size: number;
}

/** An upload that nothing was added to for so long is given up. */
const TTL_MS = 24 * 3600_000;
const SWEEP_MS = 3600_000;
/** So many may be unfinished for one user, and the oldest gives way once it has been left alone for a while. */
const MOST_UNFINISHED = 64;
const IDLE_MS = 10 * 60_000;

interface UploadStoreDeps {
  /** On one disk with the blobs. */
  folder: string;
  blobs: BlobStore;
  clock: Clock;
  log: Logger;
}

/**
 * What is on its way into the blobs. One file per unfinished upload, `<user>/<sha256>.<size>`, whose length is the truth
 * about what has arrived: an upload goes on from there, whoever was killed meanwhile. Nothing in it is anybody's until it
 * is finished, so that naming a hash gives nothing: a user has to send the bytes, also those that another one has sent.
 */
export class UploadStore {
  readonly #deps: UploadStoreDeps;
  readonly #queue = new KeyedQueue();
  #cancel: () => void;
  #sweeping: Promise<void> | undefined;

  constructor(deps: UploadStoreDeps) {
    this.#deps = deps;
    this.#cancel = deps.clock.after(0, () => this.#beginSweep());
  }

  async close(): Promise<void> {
    this.#cancel();
    await this.#sweeping;
    await this.#queue.idle();
  }

  /** How many bytes of it are here. `mostBytes`: what all unfinished ones of the user may become, in total. */
  begin(key: UploadKey, mostBytes: number): Promise<number> {
    return this.#queue.run(key.userId, async () => {
      const path = this.#path(key);
      const held = await sizeOf(path);
      if (held !== undefined) return held;
      await mkdir(join(path, ".."), { recursive: true, mode: 0o700 });
      await this.#makeWay(key, mostBytes);
      await checkRoom(join(path, ".."), key.size);
      await (await open(path, "wx", 0o600)).close();
      return 0;
    });
  }

  /**
   * Adds bytes that begin at `offset`; answers how many are here then. What is here already is skipped, and bytes behind
   * a gap are not taken, so that a repeat is harmless and two may send the same archive at once.
   */
  append(key: UploadKey, offset: number, bytes: Uint8Array): Promise<number> {
    const path = this.#path(key);
    return this.#queue.run(path, async () => {
      const held = await sizeOf(path);
      if (held === undefined) throw noUpload(key);
      if (offset + bytes.length > key.size)
        throw new AppError("invalid", `The upload of ${key.sha256} has more than ${key.size} bytes`);
      if (offset > held || offset + bytes.length <= held) return held;
      const fresh = bytes.subarray(held - offset);
      try {
        // Others grow too: that there was room for all of it is no promise.
        await checkRoom(dirname(path), fresh.length);
        await using file = await open(path, "r+");
        await writeAt(file, fresh, held);
      } catch (err) {
        // It would only keep the disk full.
        await rm(path, { force: true });
        throw writeFailure(err);
      }
      return offset + bytes.length;
    });
  }

  /** Makes a blob of it; false: what arrived does not have the hash, and is gone. */
  finish(key: UploadKey): Promise<boolean> {
    const path = this.#path(key);
    return this.#queue.run(path, async () => {
      const held = await sizeOf(path);
      if (held === undefined) throw noUpload(key);
      if (held < key.size)
        throw new AppError("conflict", `The upload of ${key.sha256} has ${held} of ${key.size} bytes`);
      const isRight = (await hashOf(path)) === key.sha256;
      if (isRight) await this.#deps.blobs.adopt(key.sha256, path);
      else await rm(path);
      return isRight;
    });
  }

  /** Takes in a whole at once; what is more than `most` bytes is read to its end and dropped. */
  receive(pieces: AsyncIterable<Uint8Array>, most: number): Promise<Received> {
    const path = join(this.#deps.folder, "incoming", randomUUID());
    return receive(pieces, { path, most, blobs: this.#deps.blobs });
  }

  async #makeWay({ userId, size }: UploadKey, mostBytes: number): Promise<void> {
    const others = await listUploads(join(this.#deps.folder, userId));
    const isOver = () =>
      others.length >= MOST_UNFINISHED || others.reduce((sum, one) => sum + one.size, size) > mostBytes;
    while (isOver()) {
      const oldest = others.shift();
      if (!oldest || !(await this.#removeIdle(oldest.path, IDLE_MS)))
        throw new AppError("conflict", "You have too many unfinished uploads", {
          hint: "Wait for those that are under way; one that was given up makes room after ten minutes",
        });
    }
  }

  #beginSweep(): void {
    const { clock, log } = this.#deps;
    this.#cancel = clock.after(SWEEP_MS, () => this.#beginSweep());
    this.#sweeping ??= this.#sweep()
      .catch((err: unknown) => log.error("Unfinished uploads could not be looked through", { err }))
      .finally(() => {
        this.#sweeping = undefined;
      });
  }

  async #sweep(): Promise<void> {
    for (const user of await namesIn(this.#deps.folder))
      for (const { path } of await listUploads(join(this.#deps.folder, user)))
        await this.#removeIdle(path, TTL_MS);
  }

  /** Unless something is being added to it just now. */
  #removeIdle(path: string, idleMs: number): Promise<boolean> {
    return this.#queue.run(path, async () => {
      const found = await stat(path).catch(ifMissing);
      if (found && this.#deps.clock.now() - found.mtimeMs < idleMs) return false;
      await rm(path, { force: true });
      return true;
    });
  }

  #path({ userId, sha256, size }: UploadKey): string {
    return join(this.#deps.folder, userId, `${sha256}.${size}`);
  }
}

const noUpload = ({ sha256 }: UploadKey) =>
  new AppError("not_found", `No upload of ${sha256} has begun, or it was given up`);

const ifMissing = (err: NodeJS.ErrnoException): undefined => {
  if (err.code !== "ENOENT") throw err;
};

const namesIn = async (folder: string): Promise<string[]> => (await readdir(folder).catch(ifMissing)) ?? [];

const sizeOf = async (path: string): Promise<number | undefined> => (await stat(path).catch(ifMissing))?.size;

/** The longest untouched first; `size`: what each is to become. */
const listUploads = async (folder: string): Promise<{ path: string; size: number }[]> => {
  const found = await Promise.all(
    (await namesIn(folder)).map(async (name) => {
      const path = join(folder, name);
      const mtimeMs = (await stat(path).catch(ifMissing))?.mtimeMs;
      return mtimeMs === undefined ? [] : [{ path, size: Number(name.split(".")[1] ?? 0), mtimeMs }];
    }),
  );
  return found.flat().sort((a, b) => a.mtimeMs - b.mtimeMs);
};

const writeAt = async (
  file: Awaited<ReturnType<typeof open>>,
  bytes: Uint8Array,
  position: number,
): Promise<void> => {
  for (let done = 0; done < bytes.length; )
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
};

const HASH_BYTES = 1024 ** 2;

/** Into one buffer: a stream makes a new one for each piece, many times as much as is ever needed. */
const hashOf = async (path: string): Promise<string> => {
  const hash = new Bun.CryptoHasher("sha256");
  const buffer = new Uint8Array(HASH_BYTES);
  await using file = await open(path, "r");
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
    if (bytesRead === 0) return hash.digest("hex");
    hash.update(buffer.subarray(0, bytesRead));
  }
};
