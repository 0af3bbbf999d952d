import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { pack } from "tar-stream";
import { AppError } from "../../shared/errors.ts";
import { listMembers, type Member } from "./walk.ts";

/** Beyond this an archive is surely a mistake; what a server takes is far less. */
const MAX_BYTES = 2 * 1024 ** 3;

export interface Archive {
  readonly content: Blob;
  /** SHA-256 of the content, in hex. */
  readonly hash: string;
}

/** An uncompressed tar of a file or folder. The same files give the same bytes, whoever owns them. */
export const makeArchive = async (root: string): Promise<Archive> => {
  const tar = pack();
  const hash = new Bun.CryptoHasher("sha256");
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  const collecting = (async () => {
    for await (const part of tar as AsyncIterable<Uint8Array<ArrayBuffer>>) {
      size += part.length;
      if (size > MAX_BYTES) {
        throw new AppError("too_large", `'${root}' in \`files\` has more than 2GB`, {
          hint: "Exclude what the run does not need with .gitignore or .dstackignore",
        });
      }
      hash.update(part);
      parts.push(part);
    }
  })();
  const packing = (async () => {
    for (const member of listMembers(root)) await add(tar, member);
    tar.finalize();
  })();
  await Promise.all([collecting, packing]);
  return { content: new Blob(parts), hash: hash.digest("hex") };
};

const add = async (
  tar: ReturnType<typeof pack>,
  { name, source, kind, stats, target }: Member,
): Promise<void> => {
  const header = {
    name,
    mode: stats.mode & 0o777,
    mtime: new Date(Math.floor(stats.mtimeMs / 1000) * 1000),
  };
  if (kind === "file") {
    // A file that changes its size meanwhile is refused by the packer.
    await pipeline(createReadStream(source), tar.entry({ ...header, size: stats.size }));
  } else if (kind === "folder") tar.entry({ ...header, type: "directory" });
  else tar.entry({ ...header, type: "symlink", linkname: target ?? "." });
};
