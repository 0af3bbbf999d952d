import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { KeyedQueue } from "../../shared/async/keyedQueue.ts";
import type { Clock } from "../../shared/clock.ts";
import { type IdeServer, ideServerAddress } from "../../shared/config/ideServers.ts";
import { messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { showBytes } from "../../shared/showBytes.ts";
import type { BlobStore } from "./blobStore.ts";
import { receive } from "./receive.ts";

export interface IdeDownloadsDeps {
  /** For them alone: what lies there too long is removed. */
  folder: string;
  blobs: BlobStore;
  clock: Clock;
  log: Logger;
  /** Where the vendor has one. */
  addressOf?: (server: IdeServer, arch: "x64" | "arm64") => string;
}

/** Packed they have some 70 MB. */
const MOST_BYTES = 1024 ** 3;
/** Releases of editors are in use for a month; whoever asks for others does not fill the disk with them. */
const MOST_KEPT = 8;
const LONGEST_MS = 30 * 60_000;
/** One that could not be had is asked for again after so long: there may be no internet, or no such release. */
const AGAIN_MS = 60 * 60_000;
/** Where the queue's tasks are all of one kind. */
const ONE_AT_A_TIME = "download";

/** As an archive is called, whoever has put it where it is. */
export const ideArchiveName = ({ ide, version }: IdeServer, arch: "x86" | "arm"): string =>
  `${ide}-${version}-${archOf(arch)}.tar.gz`;

const archOf = (arch: "x86" | "arm") => (arch === "arm" ? "arm64" : "x64");

/**
 * Editors' servers from their vendors, for the jobs that come after the first one that asked: hosts without internet get
 * them from here, and others get them once and not for each job.
 */
export class IdeDownloads implements Disposable {
  readonly #deps: IdeDownloadsDeps;
  readonly #queue = new KeyedQueue();
  /** Is being downloaded, or waits for that. */
  readonly #wanted = new Set<string>();
  readonly #failedAt = new Map<string, number>();
  readonly #closing = new AbortController();

  constructor(deps: IdeDownloadsDeps) {
    this.#deps = deps;
    mkdirSync(deps.folder, { recursive: true, mode: 0o700 });
    // Of a coordinator that was killed.
    for (const name of readdirSync(deps.folder))
      if (name.endsWith(".part")) rmSync(join(deps.folder, name), { force: true });
  }

  /** The path of the archive; undefined: it is not here yet, and is being fetched if it can be. */
  async get(server: IdeServer, arch: "x86" | "arm"): Promise<string | undefined> {
    const name = ideArchiveName(server, arch);
    const path = join(this.#deps.folder, name);
    const file = await stat(path).catch((err: NodeJS.ErrnoException) => {
      if (err.code !== "ENOENT") throw err;
    });
    if (file) {
      // When it was used last; when it was written stays, for another time means another archive.
      await utimes(path, new Date(this.#deps.clock.now()), file.mtime);
      return path;
    }
    if (this.#isToBeTried(name)) {
      this.#wanted.add(name);
      void this.#queue.run(ONE_AT_A_TIME, () => this.#fetch(server, archOf(arch), name));
    }
    return undefined;
  }

  /** What came as the archive is none, as a proxy's page of excuses: it is asked for again later. */
  async discard(server: IdeServer, arch: "x86" | "arm"): Promise<void> {
    const name = ideArchiveName(server, arch);
    this.#failedAt.set(name, this.#deps.clock.steady());
    await rm(join(this.#deps.folder, name), { force: true });
  }

  /** Resolves when nothing is being downloaded. */
  idle(): Promise<void> {
    return this.#queue.idle();
  }

  [Symbol.dispose](): void {
    this.#closing.abort();
  }

  #isToBeTried(name: string): boolean {
    if (this.#wanted.has(name) || this.#closing.signal.aborted) return false;
    const failedAt = this.#failedAt.get(name);
    return failedAt === undefined || this.#deps.clock.steady() - failedAt >= AGAIN_MS;
  }

  async #fetch(server: IdeServer, arch: "x64" | "arm64", name: string): Promise<void> {
    const { folder, blobs, clock, log, addressOf = ideServerAddress } = this.#deps;
    const url = addressOf(server, arch);
    try {
      const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(LONGEST_MS)]);
      const answer = await fetch(url, { signal });
      if (!answer.ok || !answer.body) throw new Error(`it answered ${answer.status}`);
      const part = { path: join(folder, `.${crypto.randomUUID()}.part`), most: MOST_BYTES, blobs };
      await using received = await receive(answer.body, part);
      if (received.size > MOST_BYTES) throw new Error(`it is larger than ${showBytes(MOST_BYTES)}`);
      const now = new Date(clock.now());
      await utimes(part.path, now, now);
      await rename(part.path, join(folder, name));
      this.#failedAt.delete(name);
      log.info("An editor's archive was downloaded; jobs get it from here", { url, bytes: received.size });
      await this.#removeOld();
    } catch (err) {
      if (this.#closing.signal.aborted) return;
      this.#failedAt.set(name, clock.steady());
      log.warn("An editor's archive could not be downloaded; jobs try it themselves", {
        url,
        reason: messageOf(err),
        hint: "docs/dev-environments.md says how to put it here; DSTACK_SERVER_IDE_DOWNLOADS=0: none are downloaded",
      });
    } finally {
      this.#wanted.delete(name);
    }
  }

  async #removeOld(): Promise<void> {
    const { folder } = this.#deps;
    const names = (await readdir(folder)).filter((name) => name.endsWith(".tar.gz"));
    const files = await Promise.all(
      names.map(async (name) => ({ name, usedAt: (await stat(join(folder, name))).atimeMs })),
    );
    files.sort((one, other) => other.usedAt - one.usedAt);
    for (const { name } of files.slice(MOST_KEPT)) await rm(join(folder, name), { force: true });
  }
}
