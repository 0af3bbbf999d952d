import { AppError, messageOf } from "../shared/errors.ts";
import type { KeyedCertificate } from "../shared/tls/certificates.ts";
import type { CoordinatorConfig } from "./config.ts";
import { type SocketOwner, tunnelSockets } from "./relay/sockets.ts";

/** Longer than any poll waits; streams that may be silent for longer lift it for themselves. */
const IDLE_TIMEOUT_S = 120;

const MIN_BODY_LIMIT = 32 * 1024 * 1024;

interface App {
  fetch(request: Request, env: object): Response | Promise<Response>;
}

type Settings = Pick<CoordinatorConfig, "host" | "port" | "uploadLimits">;

/** The port that clients and hosts come to. */
export interface Listening {
  readonly port: number;
  /** Connections from now on get this certificate; those that are there go on. */
  renew(certificate: KeyedCertificate): void;
  /** Takes no more connections; resolves when those that are there have ended, at once with `true`. */
  stop(isNow?: boolean): Promise<void>;
}

/** Listens, with TLS where there is a certificate. Throws `unavailable` where the port cannot be had. */
export const listen = (app: App, config: Settings, certificate: KeyedCertificate | undefined): Listening => {
  let current = serveOn(app, config, certificate);
  const port = current.port ?? config.port;
  const earlier = new Set<Bun.Server<SocketOwner>>();
  return {
    port,
    renew: (next) => {
      // Bun cannot give a listening socket another certificate. What cannot be served is found out on another port.
      void serveOn(app, { ...config, port: 0 }, next).stop(true);
      const before = current;
      earlier.add(before);
      void before.stop().then(() => earlier.delete(before));
      current = serveOn(app, { ...config, port }, next);
    },
    stop: async (isNow = false) => {
      await Promise.all([current, ...earlier].map((server) => server.stop(isNow)));
    },
  };
};

const serveOn = (
  app: App,
  { host, port, uploadLimits }: Settings,
  certificate: KeyedCertificate | undefined,
): Bun.Server<SocketOwner> => {
  try {
    return Bun.serve({
      hostname: host,
      port,
      idleTimeout: IDLE_TIMEOUT_S,
      maxRequestBodySize:
        uploadLimits.inOne === 0 ? Number.MAX_SAFE_INTEGER : Math.max(uploadLimits.inOne * 2, MIN_BODY_LIMIT),
      ...(certificate ? { tls: certificate } : {}),
      fetch: (request, server) =>
        app.fetch(request, {
          keepOpen: () => server.timeout(request, 0),
          peer: () => server.requestIP(request)?.address,
          upgrade: (owner: SocketOwner) => server.upgrade(request, { data: owner }),
        }),
      websocket: tunnelSockets,
    });
  } catch (cause) {
    throw new AppError("unavailable", `Cannot listen on ${host}:${port}: ${messageOf(cause)}`, {
      cause,
      hint: "Stop what uses this port, or choose another with --port",
    });
  }
};
