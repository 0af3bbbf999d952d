import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/log.ts";
import type { BlobStore } from "./blobs/blobStore.ts";
import type { IdeArchives } from "./blobs/ideArchives.ts";
import type { UploadStore } from "./blobs/uploadStore.ts";
import type { CoordinatorConfig } from "./config.ts";
import type { Clouds } from "./domain/backends/clouds.ts";
import type { RunCounters } from "./domain/metrics/runCounters.ts";
import type { RunTexts } from "./domain/runs/runTexts.ts";
import type { CloudResourceKeeper } from "./engine/cloudResourceKeeper.ts";
import type { Engine } from "./engine/engine.ts";
import type { FleetKeeper } from "./engine/fleetKeeper.ts";
import type { HostKeeper } from "./engine/hostKeeper.ts";
import type { UsageIntake } from "./engine/usage.ts";
import type { LogStore } from "./logs/logStore.ts";
import type { Relay } from "./relay/relay.ts";
import type { ReleaseKey } from "./releases/releaseKey.ts";
import type { SshEndpoint } from "./ssh/sshEndpoint.ts";
import type { Db } from "./store/db.ts";
import type { TellEvents } from "./store/events.ts";
import type { SecretBox } from "./store/secretBox.ts";
import type { TlsKeeper } from "./tls/tlsKeeper.ts";

/** What routes and domain functions work with; built once, in wiring/ (tests: testing/startTestCoordinator.ts). */
export interface Deps {
  config: CoordinatorConfig;
  db: Db;
  tell: TellEvents;
  clock: Clock;
  log: Logger;
  engine: Engine;
  fleets: FleetKeeper;
  hosts: HostKeeper;
  clouds: Clouds;
  cloudResources: CloudResourceKeeper;
  usage: UsageIntake;
  counters: RunCounters;
  runTexts: RunTexts;
  relay: Relay;
  ssh: SshEndpoint;
  tls: TlsKeeper;
  logs: LogStore;
  blobs: BlobStore;
  ideArchives: IdeArchives;
  uploads: UploadStore;
  /** Seals what the database must not show. */
  secrets: SecretBox;
  releaseKey: ReleaseKey;
  /** Aborted when the server begins to stop: whatever would stay open for long ends then. */
  closing: AbortSignal;
}
