import { rmSync, statSync, utimesSync } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../shared/clock.ts";
import { AppError } from "../../shared/errors.ts";
import type { BlobStore } from "./blobStore.ts";

const SHA256 = /^[0-9a-f]{64}$/;

/**
 * One file per blob, in folders by the first two digits. A file has its name only once it is whole and synced; its time
 * says when it was last of use.
 */
export const openDiskBlobStore = (folder: string, clock: Pick<Clock, "now">): BlobStore => {
  const pathOf = (sha256: string): string => {
    if (!SHA256.test(sha256)) throw new AppError("invalid", `"${sha256}" is not a SHA-256 in hexadecimal`);
    return join(folder, sha256.slice(0, 2), sha256);
  };
  const touch = (sha256: string): boolean => {
    const now = clock.now() / 1000;
    try {
      utimesSync(pathOf(sha256), now, now);
      return true;
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code === "ENOENT") return false;
      throw err;
    }
  };
  const isIdle = (sha256: string, before: number): boolean => {
    const found = statSync(pathOf(sha256), { throwIfNoEntry: false });
    return found !== undefined && found.mtimeMs < before;
  };
  return {
    has: (sha256) => Bun.file(pathOf(sha256)).exists(),
    find: async (sha256) => (touch(sha256) ? Bun.file(pathOf(sha256)) : undefined),
    touch,
    adopt: async (sha256, source) => {
      if (touch(sha256)) return rm(source, { force: true });
      const path = pathOf(sha256);
      await mkdir(join(path, ".."), { recursive: true });
      await sync(source);
      await rename(source, path);
      touch(sha256);
    },
    isIdle,
    removeIdle: (sha256, before) => {
      if (!isIdle(sha256, before)) return false;
      rmSync(pathOf(sha256));
      return true;
    },
    listIdle: async (before) => {
      const idle: string[] = [];
      for (const inner of await namesIn(folder))
        for (const name of await namesIn(join(folder, inner))) {
          const found = await stat(join(folder, inner, name)).catch(ifMissing);
          if (SHA256.test(name) && found && found.mtimeMs < before) idle.push(name);
        }
      return idle;
    },
  };
};

const ifMissing = (err: NodeJS.ErrnoException): undefined => {
  if (err.code !== "ENOENT") throw err;
};

const namesIn = async (folder: string): Promise<string[]> => (await readdir(folder).catch(ifMissing)) ?? [];

const sync = async (path: string): Promise<void> => {
  await using file = await open(path, "r");
  await file.sync();
};
