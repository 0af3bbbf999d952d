import type { Clock } from "../shared/clock.ts";
import { AppError, messageOf } from "../shared/errors.ts";
import type { KeyedCertificate } from "../shared/tls/certificates.ts";
import type { CoordinatorConfig } from "./config.ts";
import { createClientAddress } from "./http/clientAddress.ts";
import { type SocketOwner, tunnelSockets } from "./relay/sockets.ts";
import { openSharedPort, type SharedPort } from "./sharedPort.ts";

/** Longer than any poll waits; streams that may be silent for longer lift it for themselves. */
const IDLE_TIMEOUT_S = 120;

const MIN_BODY_LIMIT = 32 * 1024 * 1024;

/** A connection that is being made while another socket takes over is with the former one: it is there by then. */
const HAND_OVER_MS = 15_000;

interface App {
  fetch(request: Request, env: object): Response | Promise<Response>;
}

interface Settings extends Pick<CoordinatorConfig, "host" | "port" | "uploadLimits" | "trustedProxies"> {
  clock: Pick<Clock, "after">;
}

/** The port that clients and hosts come to. */
export interface Listening {
  readonly port: number;
  /** Connections from now on get this certificate; those that are there go on, and none is refused meanwhile. */
  renew(certificate: KeyedCertificate): void;
  /** Takes no more connections; resolves when those that are there have ended, at once with `true`. */
  stop(isNow?: boolean): Promise<void>;
}

/** Listens, with TLS where there is a certificate. Throws `unavailable` where the port cannot be had. */
export const listen = (app: App, settings: Settings, certificate: KeyedCertificate | undefined): Listening =>
  new OwnedPort(app, settings, certificate);

interface Listener {
  server: Bun.Server<SocketOwner>;
  /** Its descriptor; undefined where nobody needs to know. */
  socket: number | undefined;
}

class OwnedPort implements Listening {
  readonly port: number;
  readonly #app: App;
  readonly #settings: Settings;
  readonly #shared: SharedPort | undefined;
  /** In the order in which the kernel counts them. */
  readonly #listeners: Listener[];
  #current: Listener;
  /** Listen no more, and have connections. */
  readonly #ending = new Set<Listener>();
  readonly #cancels = new Set<() => void>();

  constructor(app: App, settings: Settings, certificate: KeyedCertificate | undefined) {
    this.#app = app;
    const server = serveOn(app, settings, { certificate });
    this.port = server.port ?? settings.port;
    this.#settings = { ...settings, port: this.port };
    this.#shared = certificate && openSharedPort();
    this.#current = { server, socket: this.#shared?.listeners(this.port)[0] };
    this.#listeners = [this.#current];
  }

  renew(certificate: KeyedCertificate): void {
    // Bun cannot give a listening socket another certificate. What cannot be served is found out on another port.
    void serveOn(this.#app, { ...this.#settings, port: 0 }, { certificate }).stop(true);
    const before = this.#current;
    const beside = this.#listenBeside(certificate);
    if (beside) {
      this.#current = beside;
      const cancel = this.#settings.clock.after(HAND_OVER_MS, () => {
        this.#cancels.delete(cancel);
        this.#end(before);
      });
      this.#cancels.add(cancel);
      return;
    }
    // Who connects in this very moment is refused.
    this.#end(before);
    this.#current = { server: serveOn(this.#app, this.#settings, { certificate }), socket: undefined };
    this.#listeners.push(this.#current);
  }

  async stop(isNow = false): Promise<void> {
    for (const cancel of this.#cancels) cancel();
    const all = [...this.#listeners, ...this.#ending];
    await Promise.all(all.map(({ server }) => server.stop(isNow)));
  }

  /** Another one that gets all new connections; undefined where that cannot be had. */
  #listenBeside(certificate: KeyedCertificate): Listener | undefined {
    const { socket: before } = this.#current;
    if (!this.#shared || before === undefined || !this.#shared.share(before)) return undefined;
    const known = new Set(this.#shared.listeners(this.port));
    const server = serveOn(this.#app, this.#settings, { certificate, isShared: true });
    const socket = this.#shared.listeners(this.port).find((found) => !known.has(found));
    const listener = { server, socket };
    this.#listeners.push(listener);
    if (socket !== undefined && this.#shared.steer(socket, this.#listeners.length - 1)) return listener;
    this.#listeners.pop();
    void server.stop(true);
    return undefined;
  }

  #end(listener: Listener): void {
    const at = this.#listeners.indexOf(listener);
    const last = this.#listeners.pop();
    // The kernel, too, counts the last one in the place of the one that is gone.
    if (last && last !== listener) this.#listeners[at] = last;
    this.#ending.add(listener);
    void listener.server.stop().then(() => this.#ending.delete(listener));
    const { socket } = this.#current;
    if (socket !== undefined) this.#shared?.steer(socket, this.#listeners.indexOf(this.#current));
  }
}

interface ServeOptions {
  certificate: KeyedCertificate | undefined;
  /** Others of this process listen on the port, too. */
  isShared?: boolean;
}

const serveOn = (
  app: App,
  { host, port, uploadLimits, trustedProxies }: Settings,
  { certificate, isShared = false }: ServeOptions,
): Bun.Server<SocketOwner> => {
  const addressOf = createClientAddress(trustedProxies);
  try {
    return Bun.serve({
      hostname: host,
      port,
      reusePort: isShared,
      idleTimeout: IDLE_TIMEOUT_S,
      maxRequestBodySize:
        uploadLimits.inOne === 0 ? Number.MAX_SAFE_INTEGER : Math.max(uploadLimits.inOne * 2, MIN_BODY_LIMIT),
      ...(certificate ? { tls: certificate } : {}),
      fetch: (request, server) =>
        app.fetch(request, {
          keepOpen: () => server.timeout(request, 0),
          peer: () => addressOf(server.requestIP(request)?.address, request.headers.get("x-forwarded-for")),
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
