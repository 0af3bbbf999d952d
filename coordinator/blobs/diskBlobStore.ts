import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../../shared/errors.ts";
import type { BlobStore } from "./blobStore.ts";

const SHA256 = /^[0-9a-f]{64}$/;

/** One file per blob, in folders by the first two digits. A file has its name only once it is whole and synced. */
export const openDiskBlobStore = (folder: string): BlobStore => {
  const pathOf = (sha256: string): string => {
    if (!SHA256.test(sha256)) throw new AppError("invalid", `"${sha256}" is not a SHA-256 in hexadecimal`);
    return join(folder, sha256.slice(0, 2), sha256);
  };
  const has = (sha256: string) => Bun.file(pathOf(sha256)).exists();
  return {
    has,
    find: async (sha256) => {
      const file = Bun.file(pathOf(sha256));
      return (await file.exists()) ? file : undefined;
    },
    put: async (sha256, bytes) => {
      const path = pathOf(sha256);
      if (await has(sha256)) return false;
      await mkdir(join(path, ".."), { recursive: true });
      const unfinished = `${path}.${randomUUID()}`;
      try {
        const written = await writeSynced(unfinished, bytes);
        if (written !== sha256)
          throw new AppError("invalid", `The content does not have the SHA-256 ${sha256} but ${written}`);
        await rename(unfinished, path);
      } finally {
        await rm(unfinished, { force: true });
      }
      return true;
    },
  };
};

/** Returns the hash of what was written. */
const writeSynced = async (path: string, bytes: Uint8Array | ReadableStream<Uint8Array>): Promise<string> => {
  const hash = createHash("sha256");
  await using file = await open(path, "wx", 0o600);
  for await (const chunk of bytes instanceof Uint8Array ? [bytes] : bytes) {
    hash.update(chunk);
    await file.writeFile(chunk);
  }
  await file.sync();
  return hash.digest("hex");
};
