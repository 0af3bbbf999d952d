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
    adopt: async (sha256, source) => {
      const path = pathOf(sha256);
      if (await has(sha256)) return rm(source, { force: true });
      await mkdir(join(path, ".."), { recursive: true });
      await sync(source);
      await rename(source, path);
    },
  };
};

const sync = async (path: string): Promise<void> => {
  await using file = await open(path, "r");
  await file.sync();
};
