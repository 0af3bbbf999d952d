import { type Clock, systemClock } from "../shared/clock.ts";
import { messageOf } from "../shared/errors.ts";
import { createLogger, type Logger } from "../shared/log.ts";
import { VERSION } from "../shared/version.ts";
import { addressOf, isLoopback } from "./address.ts";
import { type CoordinatorConfig, loadCoordinatorConfig } from "./config.ts";
import type { Deps } from "./deps.ts";
import { type Clouds, NO_CLOUDS } from "./domain/backends/clouds.ts";
import { createJoinToken } from "./domain/fleets/joinTokens.ts";
import { MAIN_PROJECT } from "./domain/users/ensureAdmin.ts";
import { listen } from "./listen.ts";
import { findProjectByName } from "./store/projects.ts";
import { buildCoordinator, type Coordinator } from "./wiring/buildCoordinator.ts";

/** Hosts that join by the command that the start prints get into this fleet. */
const DEFAULT_FLEET = "default";
const START_TOKEN_TTL_S = 24 * 3600;

/** How long open connections may take to end when the server stops. */
const DRAIN_MS = 5_000;

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
  warnOfLoopback(config, log);
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

/** TLS is for others, who are told an address here that nothing answers, unless something passes connections on. */
const warnOfLoopback = ({ host, tls, publicUrl }: CoordinatorConfig, log: Logger): void => {
  if (tls.kind === "none" || publicUrl === undefined || !isLoopback(host)) return;
  if (!isLoopback(new URL(publicUrl).hostname))
    log.warn(
      `The server listens on ${host} alone, while others are told to reach it at ${publicUrl}. Let them with --host 0.0.0.0 (or ::), unless something on this machine passes their connections on`,
    );
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
