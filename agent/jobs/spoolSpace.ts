import { FFIType } from "bun:ffi";
import { closeSync, openSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { openLibc } from "../../shared/native/libc.ts";
import { noticeLine } from "./logQuota.ts";

/** What the spools of all jobs of a host may have on its disk, once the coordinator holds what is in them. */
const MAX_BYTES = 4 * 1024 ** 3;
/** The beginning of every spool stays: what went wrong at a job's start is looked up there. */
const HEAD_BYTES = 1024 ** 2;
/** Space is given back in pieces, of whole blocks of the file system. */
const PIECE_BYTES = 16 * 1024 ** 2;

export interface SpoolSpaceOptions {
  log: Logger;
  maxBytes?: number;
  pieceBytes?: number;
}

/** A part of a spool that the coordinator holds. */
interface Held {
  path: string;
  end: number;
}

/**
 * Keeps the spools of a host below a bound: gives back what the coordinator has acknowledged, the longest ago first. A
 * spool keeps its length, so that offsets mean what they meant; where it was, there are zeros.
 */
export class SpoolSpace {
  readonly #options: Required<SpoolSpaceOptions>;
  readonly #held: Held[] = [];
  readonly #sizes = new Map<string, { held: number; cut: number; size: number }>();
  readonly #giveBack = openGiveBack();
  #isPossible = true;

  constructor({ log, maxBytes = MAX_BYTES, pieceBytes = PIECE_BYTES }: SpoolSpaceOptions) {
    this.#options = { log, maxBytes, pieceBytes };
  }

  /** The coordinator holds the first `length` bytes of this spool. */
  acknowledged(path: string, length: number): void {
    const known = this.#sizes.get(path) ?? { held: 0, cut: findCut(path), size: 0 };
    known.size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    known.held = Math.max(known.held, length);
    this.#sizes.set(path, known);
    const last = this.#held.findLast((held) => held.path === path);
    const begin = last?.end ?? Math.max(known.cut, HEAD_BYTES);
    if (known.held - begin >= this.#options.pieceBytes) this.#held.push({ path, end: known.held });
    this.#makeRoom();
  }

  /** The job is gone, and its spool with it. */
  forget(path: string): void {
    this.#sizes.delete(path);
    for (let at = this.#held.length - 1; at >= 0; at--)
      if (this.#held[at]?.path === path) this.#held.splice(at, 1);
  }

  #makeRoom(): void {
    while (this.#isPossible && this.#total() > this.#options.maxBytes) {
      const oldest = this.#held.shift();
      if (!oldest) return;
      const known = this.#sizes.get(oldest.path);
      if (known) this.#cut(oldest, known);
    }
  }

  #total(): number {
    return [...this.#sizes.values()].reduce(
      (sum, { size, cut }) => sum + size - Math.max(0, cut - HEAD_BYTES),
      0,
    );
  }

  #cut({ path, end }: Held, known: { cut: number }): void {
    const begin = Math.max(known.cut, HEAD_BYTES);
    try {
      // Before: what is not there any more must never be sent as if it were the job's.
      writeFileSync(cutPath(path), String(end), { mode: 0o600 });
      known.cut = end;
      this.#giveBack(path, begin, end - begin);
    } catch (err) {
      this.#isPossible = false;
      this.#options.log.warn("The space of spooled output cannot be given back; it goes with its job", {
        reason: messageOf(err),
      });
    }
  }
}

const cutPath = (spoolPath: string): string => `${spoolPath}.cut`;

/** Up to where a spool's space was given back, but for its head; 0: it is whole. */
export const findCut = (spoolPath: string): number => {
  try {
    return Number(readFileSync(cutPath(spoolPath), "utf8")) || 0;
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw err;
  }
};

/**
 * Puts words in place of what a spool had before its space was given back. A coordinator asks for that only when it has
 * lost what it once held; the length must be right all the same.
 */
export const fillCut = (bytes: Uint8Array, { offset, cut }: { offset: number; cut: number }): Uint8Array => {
  const [begin, end] = [Math.max(0, HEAD_BYTES - offset), Math.min(bytes.length, cut - offset)];
  if (begin >= end) return bytes;
  bytes.fill(0x0a, begin, end);
  const words = noticeLine("output that was here is lost: the host had given its space back");
  if (words.length <= end - begin) bytes.set(words, begin);
  return bytes;
};

/** fallocate(2): makes a hole and leaves the length as it is. */
const openGiveBack = (): ((path: string, offset: number, length: number) => void) => {
  const KEEP_SIZE = 1;
  const PUNCH_HOLE = 2;
  const libc = openLibc({
    fallocate: { args: [FFIType.i32, FFIType.i32, FFIType.i64, FFIType.i64], returns: FFIType.i32 },
  });
  return (path, offset, length) => {
    const fd = openSync(path, "r+");
    try {
      if (libc?.fallocate(fd, KEEP_SIZE | PUNCH_HOLE, offset, length) !== 0)
        throw new Error("the file system cannot make holes in files");
    } finally {
      closeSync(fd);
    }
  };
};
