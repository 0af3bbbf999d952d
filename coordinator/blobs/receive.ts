import { mkdir, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { BlobStore } from "./blobStore.ts";
import { checkRoom, writeFailure } from "./diskRoom.ts";

/** Something that has arrived whole, in a file that is gone when this is disposed, unless it was kept. */
export interface Received extends AsyncDisposable {
  readonly sha256: string;
  readonly size: number;
  /** Puts it under the blobs. */
  keep(): Promise<void>;
}

/** How often it is looked at how full the disk is: what comes does not always say how long it is. */
const LOOK_BYTES = 64 * 1024 ** 2;

/**
 * Writes pieces to a file as they come. More than `most` bytes are dropped, but read to their end: clients only look at
 * the answer when they have sent all.
 */
export const receive = async (
  pieces: AsyncIterable<Uint8Array>,
  { path, most, blobs }: { path: string; most: number; blobs: BlobStore },
): Promise<Received> => {
  const hash = new Bun.CryptoHasher("sha256");
  let size = 0;
  let looked = Number.NEGATIVE_INFINITY;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const remove = () => rm(path, { force: true });
  try {
    await using file = await open(path, "wx", 0o600);
    for await (const piece of pieces) {
      size += piece.length;
      if (size > most) continue;
      if (size - looked > LOOK_BYTES) {
        await checkRoom(dirname(path), piece.length);
        looked = size;
      }
      hash.update(piece);
      await file.writeFile(piece);
    }
  } catch (err) {
    await remove();
    throw writeFailure(err);
  }
  const sha256 = hash.digest("hex");
  return { sha256, size, keep: () => blobs.adopt(sha256, path), [Symbol.asyncDispose]: remove };
};
