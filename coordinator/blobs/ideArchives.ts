import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { createGunzip } from "node:zlib";
import { KeyedQueue } from "../../shared/async/keyedQueue.ts";
import type { IdeServer } from "../../shared/config/ideServers.ts";
import { messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { BlobStore } from "./blobStore.ts";
import { type IdeDownloads, ideArchiveName } from "./ideDownloads.ts";
import { receive } from "./receive.ts";

interface IdeArchivesDeps {
  /** Where whoever runs the coordinator puts archives, as their vendors have them: `vscode-<commit>-x64.tar.gz`. */
  folder: string;
  /** Where those come from that nobody has put there; undefined: from nowhere. */
  downloads: IdeDownloads | undefined;
  blobs: BlobStore;
  log: Logger;
}

/** What of an editor's server jobs get from the coordinator, and not from the internet (docs/dev-environments.md). */
export interface IdeArchives {
  /** The hash of the blob that has the archive, uncompressed; undefined: there is none, or it is of no use. */
  find(server: IdeServer, arch: "x86" | "arm"): Promise<string | undefined>;
}

interface Known {
  /** Of the file: another one is read anew. */
  mark: string;
  sha256: string | undefined;
}

/** They have some 200 MB; what is larger is none. */
const MOST_BYTES = 2 * 1024 ** 3;

/**
 * Looks into the folder when a job needs it: an archive that is put there is of use at once. It is unpacked into a blob
 * the first time, and again only where the file has changed or the blob was removed.
 */
export const openIdeArchives = ({ folder, downloads, blobs, log }: IdeArchivesDeps): IdeArchives => {
  const known = new Map<string, Known>();
  const queue = new KeyedQueue();
  const take = async (path: string): Promise<string | undefined> => {
    const part = join(folder, `.${crypto.randomUUID()}.part`);
    try {
      await using received = await receive(unzip(path), { path: part, most: MOST_BYTES, blobs });
      if (received.size > MOST_BYTES) throw new Error("it is larger than 2 GiB");
      await received.keep();
      return received.sha256;
    } catch (err) {
      log.warn("An editor's archive is of no use; jobs download their own", { path, reason: messageOf(err) });
      return undefined;
    }
  };
  return {
    find: (server, arch) => {
      const name = ideArchiveName(server, arch);
      return queue.run(name, async () => {
        const given = join(folder, name);
        const path = (await isFile(given)) ? given : await downloads?.get(server, arch);
        const file = path === undefined ? undefined : await stat(path).catch(ifMissing);
        if (path === undefined || !file) return undefined;
        const mark = `${file.ino} ${file.size} ${file.mtimeMs}`;
        const last = known.get(name);
        if (last?.mark === mark && (last.sha256 === undefined || blobs.touch(last.sha256)))
          return last.sha256;
        const sha256 = await take(path);
        if (sha256 === undefined && path !== given) await downloads?.discard(server, arch);
        else known.set(name, { mark, sha256 });
        return sha256;
      });
    },
  };
};

/** Nothing is opened before somebody reads: what fails sooner would have nobody to tell. */
async function* unzip(path: string): AsyncGenerator<Uint8Array> {
  const packed = createReadStream(path);
  const unzipped = createGunzip();
  packed.on("error", (err) => unzipped.destroy(err));
  try {
    yield* packed.pipe(unzipped);
  } finally {
    packed.destroy();
    unzipped.destroy();
  }
}

const isFile = async (path: string): Promise<boolean> =>
  (await stat(path).catch(ifMissing))?.isFile() ?? false;

const ifMissing = (err: NodeJS.ErrnoException): undefined => {
  if (err.code !== "ENOENT") throw err;
};
