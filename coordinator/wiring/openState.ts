import { mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../shared/clock.ts";
import { AppError, messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { openDiskBlobStore } from "../blobs/diskBlobStore.ts";
import { openIdeArchives } from "../blobs/ideArchives.ts";
import { IdeDownloads } from "../blobs/ideDownloads.ts";
import { UploadStore } from "../blobs/uploadStore.ts";
import type { CoordinatorConfig } from "../config.ts";
import { purgeBlobs } from "../engine/blobPurge.ts";
import { purgeEvents } from "../engine/eventPurge.ts";
import { LogStore } from "../logs/logStore.ts";
import { openReleaseKey } from "../releases/releaseKey.ts";
import { openStore } from "../store/db.ts";
import { eventTeller } from "../store/events.ts";
import { lockFolder } from "../store/folderLock.ts";
import { claimOwnership, holderOf } from "../store/ownership.ts";
import { openSecretBox } from "../store/secretBox.ts";
import { openTls } from "../tls/openTls.ts";
import { TlsKeeper } from "../tls/tlsKeeper.ts";

export interface StateDeps {
  clock: Clock;
  log: Logger;
  /** Somebody else has the database now. */
  onLost: () => void;
}

/** What the coordinator keeps: its folder and database, for this process alone, and all that lies in them. */
export const openState = async (
  config: CoordinatorConfig,
  { clock, log, onLost }: StateDeps,
  opened: AsyncDisposableStack,
) => {
  makeFolder(config.serverDir);
  opened.use(lockFolder(config.serverDir));
  const { db } = opened.use(
    await openStore({
      url: config.databaseUrl,
      ...(config.databaseAuthToken === undefined ? {} : { authToken: config.databaseAuthToken }),
    }),
  );
  opened.use(
    await claimOwnership(db, {
      holder: holderOf(join(config.serverDir, "data", "holder")),
      name: `process ${process.pid} on ${hostname()}`,
      clock,
      log,
      onLost,
    }),
  );
  const tls = new TlsKeeper(await openTls(config, { clock, log }), { clock, log });
  opened.defer(() => tls.close());
  const secrets = openSecretBox(join(config.serverDir, "data", "encryption.key"));
  const blobs = openDiskBlobStore(join(config.serverDir, "data", "blobs"), clock);
  const ideFolder = join(config.serverDir, "data", "ide");
  const ideDownloads = config.downloadsIdes
    ? new IdeDownloads({ folder: join(ideFolder, "downloaded"), blobs, clock, log })
    : undefined;
  opened.defer(() => ideDownloads?.[Symbol.dispose]());
  const ideArchives = openIdeArchives({ folder: ideFolder, downloads: ideDownloads, blobs, log });
  const uploads = new UploadStore({ folder: join(config.serverDir, "data", "uploads"), blobs, clock, log });
  opened.defer(() => uploads.close());
  const logs = new LogStore(join(config.serverDir, "data", "logs"));
  opened.defer(() => logs.close());
  const tell = eventTeller(db, clock, { ttlS: config.eventsTtlS });
  const purge = purgeEvents({ db, clock, log }, { ttlS: config.eventsTtlS });
  opened.defer(() => purge.close());
  const blobPurge = purgeBlobs({ db, blobs, clock, log }, { ttlS: config.filesTtlS });
  opened.defer(() => blobPurge.close());
  const releaseKey = openReleaseKey(join(config.serverDir, "data", "release.key"));
  return { db, tell, tls, secrets, blobs, ideArchives, uploads, logs, releaseKey };
};

export type State = Awaited<ReturnType<typeof openState>>;

const makeFolder = (path: string): void => {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new AppError("unavailable", `Cannot use the server folder ${path}: ${messageOf(cause)}`, {
      cause,
      hint: "Give another one with DSTACK_SERVER_DIR, or make this one writable",
    });
  }
};
