import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "../shared/clock.ts";
import { AppError, messageOf } from "../shared/errors.ts";
import { createLogger, type Logger } from "../shared/log.ts";
import { hostKeyIn } from "../shared/ssh/hostKey.ts";
import { VERSION } from "../shared/version.ts";
import { addressOf, isLoopback } from "./address.ts";
import { createApp } from "./app.ts";
import { createLocalBackend } from "./backends/local/localBackend.ts";
import { openDiskBlobStore } from "./blobs/diskBlobStore.ts";
import { openIdeArchives } from "./blobs/ideArchives.ts";
import { IdeDownloads } from "./blobs/ideDownloads.ts";
import { UploadStore } from "./blobs/uploadStore.ts";
import { type CoordinatorConfig, loadCoordinatorConfig } from "./config.ts";
import type { Deps } from "./deps.ts";
import { type Clouds, NO_CLOUDS } from "./domain/backends/clouds.ts";
import type { Backend } from "./domain/fleets/backend.ts";
import { createJoinToken } from "./domain/fleets/joinTokens.ts";
import { RunCounters } from "./domain/metrics/runCounters.ts";
import { jobSpecsOf } from "./domain/runs/effectiveSpec.ts";
import { RunTexts } from "./domain/runs/runTexts.ts";
import { findLogin } from "./domain/tunnels/findLogin.ts";
import { sshHolder } from "./domain/tunnels/sshHolder.ts";
import { TunnelAudit } from "./domain/tunnels/tunnelAudit.ts";
import { watchRights } from "./domain/tunnels/watchRights.ts";
import { ensureAdmin, MAIN_PROJECT } from "./domain/users/ensureAdmin.ts";
import { AgentLink } from "./engine/agentLink.ts";
import { AgentSessions } from "./engine/agentSessions.ts";
import { createAssignment } from "./engine/assign.ts";
import { purgeBlobs } from "./engine/blobPurge.ts";
import { Capacity } from "./engine/capacity.ts";
import { Engine } from "./engine/engine.ts";
import { patienceOf } from "./engine/engineDeps.ts";
import { purgeEvents } from "./engine/eventPurge.ts";
import { FleetKeeper } from "./engine/fleetKeeper.ts";
import { forgetHosts } from "./engine/forgetHosts.ts";
import { HostKeeper } from "./engine/hostKeeper.ts";
import { Idleness } from "./engine/idleness.ts";
import { Reachability } from "./engine/reachability.ts";
import { Rollout } from "./engine/rollout.ts";
import { Scheduler } from "./engine/scheduler.ts";
import { ThingKeeper } from "./engine/thingKeeper.ts";
import { UsageIntake } from "./engine/usage.ts";
import { Waits } from "./engine/waits.ts";
import { createBringIn } from "./hosts/bringIn.ts";
import { CarriedLinks } from "./hosts/carriedLinks.ts";
import { defaultArtifactsDir, installScript } from "./http/artifacts.ts";
import { listen } from "./listen.ts";
import { LogStore } from "./logs/logStore.ts";
import { Relay } from "./relay/relay.ts";
import { openAgentReleases } from "./releases/agentReleases.ts";
import { openReleaseKey } from "./releases/releaseKey.ts";
import { SshEndpoint } from "./ssh/sshEndpoint.ts";
import { openStore } from "./store/db.ts";
import { eventTeller } from "./store/events.ts";
import { lockFolder } from "./store/folderLock.ts";
import { claimOwnership, holderOf } from "./store/ownership.ts";
import { findProjectByName } from "./store/projects.ts";
import type { RunRow } from "./store/runs.ts";
import { openSecretBox } from "./store/secretBox.ts";
import type { SubmissionRow } from "./store/submissions.ts";
import { openTls } from "./tls/openTls.ts";
import { TlsKeeper } from "./tls/tlsKeeper.ts";

/** Hosts that join by the command that the start prints get into this fleet. */
const DEFAULT_FLEET = "default";
const START_TOKEN_TTL_S = 24 * 3600;

/** How long open connections may take to end when the server stops. */
const DRAIN_MS = 5_000;

interface Coordinator extends AsyncDisposable {
  deps: Deps & { link: AgentLink };
  app: ReturnType<typeof createApp>;
  /** Known when it was given, or made at this first start; afterwards only its hash is stored. */
  adminToken: string | undefined;
  /** Makes and ends instances from now on; `url`: where they find the coordinator, `port`: where it listens. */
  openFleets(url: string, port: number): Promise<void>;
  /** Agents are answered now: what they are to know has changed. */
  tellAgents(): void;
  /** Ends whatever stays open for long: parked syncs, followed logs, watched runs. */
  beginStop(): void;
}

interface Surroundings {
  clock: Clock;
  log: Logger;
  env: Env;
  clouds: Clouds;
  onLost: () => void;
}

/** Opens what is stored, and puts the parts together. Disposing it drains the writers; run `beginStop` before. */
const buildCoordinator = async (
  config: CoordinatorConfig,
  { clock, log, env, clouds, onLost }: Surroundings,
): Promise<Coordinator> => {
  await using opened = new AsyncDisposableStack();
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
  const agents = new AgentSessions(clock);
  const capacity = new Capacity();
  const counters = new RunCounters();
  const runTexts = new RunTexts(db.$rows);
  const engineDeps = {
    db,
    tell,
    clock,
    log,
    logs,
    agents,
    capacity,
    scheduler: new Scheduler({ agents, capacity, clock }),
    jobNetworkMode: config.jobNetworkMode,
    waits: new Waits(clock),
    idleness: new Idleness({ clock, agents }),
    patience: patienceOf(config.silenceMs),
    wakeFleet: (fleetId: string) => fleets.wake(fleetId),
    counters,
    makeFor: (run: RunRow, submissions: readonly SubmissionRow[]) => fleets.makeFor(run, submissions),
    mayMakeFor: (run: RunRow) => fleets.mayMakeFor(run),
    jobSpecs: (run: Pick<RunRow, "name" | "spec">) => jobSpecsOf({ config }, run.spec, run.name),
  };
  const engine = new Engine(engineDeps);
  opened.defer(() => engine.close());
  let ownUrl = config.publicUrl ?? "";
  const backends = backendsOf(config, env);
  const dir = config.artifactsDir ?? defaultArtifactsDir(process.execPath);
  const url = () => ownUrl;
  const trust = () => tls.trust;
  let ownPort = config.port;
  const dial = () => connect({ host: dialable(config.host), port: ownPort });
  const hosts = new HostKeeper({
    ...engineDeps,
    links: new CarriedLinks({ dial, log }),
    engine,
    url,
    trust,
    box: secrets,
    bringIn: createBringIn({ artifactsDir: dir, installScript, clock, dial }),
    patienceMs: config.sshHostMs,
    withFleet: (fleetId, work) => fleets.withFleet(fleetId, work),
  });
  const fleets = new FleetKeeper({ ...engineDeps, engine, backends, url, trust, hosts });
  opened.defer(() => fleets.close());
  opened.defer(() => hosts.close());
  const things = new ThingKeeper({ ...engineDeps, clouds });
  opened.defer(() => things.close());
  const releaseKey = openReleaseKey(join(config.serverDir, "data", "release.key"));
  const releases = openAgentReleases({ dir, key: releaseKey, clock, log });
  const reachability = new Reachability({ ...engineDeps, engine });
  opened.defer(() => reachability.close());
  const forgetting = forgetHosts({ ...engineDeps, engine, fleets }, config.forgetHostsMs);
  opened.defer(() => forgetting.close());
  const audit = new TunnelAudit({ db, tell, clock, log });
  opened.defer(() => audit.close());
  const limits = config.tunnels;
  const relay = new Relay({ clock, log, limits, audit, wake: (instanceId) => agents.wake(instanceId) });
  opened.defer(() => relay.close());
  opened.defer(watchRights(db, relay));
  opened.defer(agents.onForgotten((instanceId) => relay.forget(instanceId)));
  const ssh = opened.use(
    new SshEndpoint({
      hostKey: hostKeyIn(join(config.serverDir, "data")),
      relay,
      clock,
      findLogin: (submissionId) => findLogin({ db }, submissionId),
      holderOf: (entry) => sshHolder({ db }, entry),
      log,
    }),
  );
  const link = new AgentLink({
    ...engineDeps,
    wantsTunnel: (instanceId) => relay.isWanted(instanceId),
    trustNews: (digest) => tls.newsFor(digest),
    engine,
    hosts,
    reachability,
    assign: (submission, instance) => {
      const { patience } = engineDeps;
      const deps = { db, box: secrets, patience, logQuotaHour: config.logQuotaHour, ideArchives };
      return createAssignment(deps, submission, instance);
    },
    rollout: new Rollout({ releases, capacity, log, isOn: config.upgradesAgents }),
  });
  const usage = new UsageIntake({ ...engineDeps, engine });
  opened.defer(() => usage.close());
  const closing = new AbortController();
  const deps = {
    config,
    db,
    tell,
    clock,
    log,
    engine,
    fleets,
    hosts,
    clouds,
    things,
    logs,
    blobs,
    ideArchives,
    uploads,
    secrets,
    releaseKey,
    link,
    usage,
    counters,
    runTexts,
    relay,
    ssh,
    tls,
    closing: closing.signal,
  };
  const adminToken = await ensureAdmin(deps, config.adminToken);
  await engine.start();
  things.wake();
  const closers = opened.move();
  return {
    deps,
    app: createApp(deps),
    adminToken,
    openFleets: async (known, port) => {
      ownUrl = known;
      ownPort = port;
      await fleets.start();
      await hosts.start();
    },
    tellAgents: () => agents.wakeAll(),
    beginStop: () => {
      closing.abort();
      ssh[Symbol.dispose]();
      relay.close();
      agents.wakeAll();
    },
    [Symbol.asyncDispose]: () => closers.disposeAsync(),
  };
};

/** What can make instances, as far as it is configured. */
const backendsOf = ({ localInstances, serverDir }: CoordinatorConfig, env: Env): Backend[] => {
  if (!localInstances) return [];
  const { most, agent = join(defaultArtifactsDir(process.execPath), "dstack-agent") } = localInstances;
  return [createLocalBackend({ dir: join(serverDir, "local"), most, agent: [agent], env })];
};

/** Where this machine itself finds who listens there. */
const dialable = (host: string): string => {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
};

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

type Env = Record<string, string | undefined>;

export interface StartOptions {
  /** Environment variables (config.ts); flags of `dstack server` are laid over them by the caller. */
  env: Env;
  /** What the projects' clouds could be; left out: none. */
  clouds?: Clouds;
  /** Left out: the machine's. */
  clock?: Clock;
}

export interface RunningCoordinator {
  /** Where this machine reaches it. */
  url: string;
  adminToken: string | undefined;
  serverDir: string;
  /** What to type on a host so that it joins; its token is good for a day. */
  joinCommand: string;
  /** Of the authority that hosts and clients know it by, with its certificate; undefined: they know it anyway. */
  fingerprint: string | undefined;
  authority: string | undefined;
  /** Ends polls and streams, writes what is in hand, closes the store. Running jobs are not touched. */
  stop(): Promise<void>;
}

/**
 * Starts a coordinator and returns once it answers. Throws `AppError` with a sentence for people when the
 * configuration is wrong, the port is taken, or the server folder cannot be used.
 */
export const startCoordinator = async ({
  env,
  clouds = NO_CLOUDS,
  clock = systemClock,
}: StartOptions): Promise<RunningCoordinator> => {
  const config = loadCoordinatorConfig(env);
  const log = createLogger({
    level: config.logLevel,
    format: config.logFormat,
    write: (line) => void process.stderr.write(line),
  });
  const coordinator = await buildCoordinator(config, {
    clock,
    log,
    env,
    clouds,
    // Whoever started this process ends it, as when a person asks for that.
    onLost: () => process.kill(process.pid, "SIGTERM"),
  });
  try {
    return await serve(coordinator, config, log);
  } catch (err) {
    await coordinator[Symbol.asyncDispose]();
    throw err;
  }
};

const serve = async (
  coordinator: Coordinator,
  config: CoordinatorConfig,
  log: Logger,
): Promise<RunningCoordinator> => {
  const { deps, app } = coordinator;
  const server = listen(app, { ...config, clock: deps.clock }, deps.tls.certificate);
  await serveSsh(deps, config);
  deps.tls.follow({
    onCertificate: (certificate) => {
      server.renew(certificate);
      log.info("Connections from now on get another certificate");
    },
    onTrust: coordinator.tellAgents,
  });
  const scheme = deps.tls.certificate ? "https" : "http";
  const url = config.publicUrl ?? addressOf(config.host, server.port, scheme);
  const { join_command: joinCommand } = await createStartToken(deps, url);
  await coordinator.openFleets(url, server.port);
  log.info("The coordinator is ready", { version: VERSION, url });
  return {
    url,
    adminToken: coordinator.adminToken,
    serverDir: config.serverDir,
    joinCommand,
    fingerprint: deps.tls.trust.fingerprint,
    authority: deps.tls.trust.fingerprint === undefined ? undefined : deps.tls.trust.told?.authorities[0],
    stop: async () => {
      coordinator.beginStop();
      const drained = server.stop();
      const cancel = systemClock.after(DRAIN_MS, () => void server.stop(true));
      await drained;
      cancel();
      await coordinator[Symbol.asyncDispose]();
      log.info("The coordinator has stopped");
    },
  };
};

/** Without it all else works: stock clients cannot attach, and are told so by their own ways. */
const serveSsh = async ({ ssh, log }: Deps, { ssh: { host, port }, publicUrl }: CoordinatorConfig) => {
  if (port === undefined) return;
  try {
    await ssh.listen(host, port);
  } catch (err) {
    log.warn(
      `Cannot answer SSH on ${host}:${port}, so stock clients cannot attach: ${messageOf(err)}. Choose another port with DSTACK_SERVER_SSH_PORT or --ssh-port, or turn it off with "off"`,
    );
    return;
  }
  if (isLoopback(host) && publicUrl !== undefined && !isLoopback(new URL(publicUrl).hostname))
    log.warn(
      `SSH for stock clients listens on ${host} alone, while clients reach this server at ${publicUrl}. Let others reach it with DSTACK_SERVER_SSH_HOST=0.0.0.0, or name the way to it with DSTACK_SERVER_SSHPROXY_ADDRESS`,
    );
};

const createStartToken = async (deps: Deps, url: string) => {
  const project = await findProjectByName(deps.db, MAIN_PROJECT);
  if (!project) throw new Error(`The project "${MAIN_PROJECT}" is gone right after it was made`);
  return createJoinToken(deps, project.id, {
    fleet: DEFAULT_FLEET,
    ttl_s: START_TOKEN_TTL_S,
    uses: null,
    blocks: null,
    labels: null,
    url,
  });
};
