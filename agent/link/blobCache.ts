import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

interface Bounds {
  mostBytes: number;
  /** What was used less than so long ago stays. */
  idleMs?: number;
  /** Stays. */
  keep?: string;
}

/** Makes the cache as small as it may be; the least recently used goes first, downloads that were cut off among them. */
export const trimBlobs = (dir: string, { mostBytes, idleMs = 0, keep }: Bounds): void => {
  const files = readdirSync(dir)
    .map((name) => join(dir, name))
    .flatMap((path) => {
      const found = statSync(path, { throwIfNoEntry: false });
      return found ? [{ path, size: found.size, usedAt: found.mtimeMs }] : [];
    })
    .sort((a, b) => a.usedAt - b.usedAt);
  const usedBefore = Date.now() - idleMs;
  let total = files.reduce((sum, file) => sum + file.size, 0);
  for (const { path, size, usedAt } of files) {
    if (total <= mostBytes || usedAt > usedBefore) return;
    if (path === keep) continue;
    rmSync(path, { force: true });
    total -= size;
  }
};
