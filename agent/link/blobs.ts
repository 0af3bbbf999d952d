import { mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../shared/errors.ts";
import { blobPath } from "../../shared/protocol/blobs.ts";
import { call, type LinkOptions } from "./client.ts";

/** What the cache may hold; the least recently used goes first. */
const MAX_CACHE_BYTES = 4 * 1024 * 1024 * 1024;
const TIMEOUT_MS = 30 * 60_000;

export interface BlobDeps {
  link: LinkOptions;
  /** Folder of the cache. */
  dir: string;
}

/** Path of a blob on this host, downloaded unless it is there; its hash has been checked. */
export const fetchBlob = async (
  { link, dir }: BlobDeps,
  sha256: string,
  signal: AbortSignal,
): Promise<string> => {
  const path = join(dir, sha256);
  if (statSync(path, { throwIfNoEntry: false })) {
    utimesSync(path, new Date(), new Date());
    return path;
  }
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const part = `${path}.${crypto.randomUUID()}.part`;
  try {
    const answer = await call(link, { path: blobPath(sha256), signal, timeoutMs: TIMEOUT_MS });
    const hash = new Bun.CryptoHasher("sha256");
    const writer = Bun.file(part).writer();
    try {
      for await (const bytes of answer.body ?? []) {
        hash.update(bytes);
        writer.write(bytes);
        await writer.flush();
      }
    } finally {
      await writer.end();
    }
    if (hash.digest("hex") !== sha256)
      throw new AppError("unavailable", `The download of file archive ${sha256} is damaged`);
    renameSync(part, path);
  } finally {
    rmSync(part, { force: true });
  }
  trim(dir, path);
  return path;
};

const trim = (dir: string, keep: string): void => {
  const files = readdirSync(dir)
    .map((name) => join(dir, name))
    .flatMap((path) => {
      const found = statSync(path, { throwIfNoEntry: false });
      return found ? [{ path, size: found.size, usedAt: found.mtimeMs }] : [];
    })
    .sort((a, b) => a.usedAt - b.usedAt);
  let total = files.reduce((sum, file) => sum + file.size, 0);
  for (const file of files) {
    if (total <= MAX_CACHE_BYTES) return;
    if (file.path === keep) continue;
    rmSync(file.path, { force: true });
    total -= file.size;
  }
};
