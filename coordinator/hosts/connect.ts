import type { Duplex } from "node:stream";
import ssh2, { type Client, type ConnectConfig } from "ssh2";
import { AppError, messageOf } from "../../shared/errors.ts";
import { fingerprintOf, printHostKey } from "./hostKey.ts";
import type { Login } from "./target.ts";

/** A login that holds until it is disposed. */
export interface Connection extends AsyncDisposable {
  client: Client;
  /** As the host has just shown it. */
  hostKey: string;
}

interface ConnectOptions {
  /** The way there, where it is not a connection of this machine. */
  through?: Duplex;
  signal: AbortSignal;
}

const CONNECT_MS = 10_000;
const KEEPALIVE_MS = 10_000;
/** Keepalives without an answer until the host is taken for gone. */
const MOST_MISSED = 3;

/**
 * Logs in with the given key alone. A host that shows another key than before is not talked to (`conflict`); whatever
 * else goes wrong may go well another time (`unavailable`).
 */
export const connect = (login: Login, { through, signal }: ConnectOptions): Promise<Connection> =>
  new Promise((resolve, reject) => {
    const { hostname, port, user, key, knownKey } = login;
    const client = new ssh2.Client();
    let shown: string | undefined;
    const end = () => {
      client.destroy();
      through?.destroy();
    };
    const fail = (err: AppError | Error) => {
      signal.removeEventListener("abort", stop);
      end();
      reject(err);
    };
    const stop = () => fail(signal.reason as Error);
    if (signal.aborted) return stop();
    signal.addEventListener("abort", stop, { once: true });
    client.on("ready", () => {
      signal.removeEventListener("abort", stop);
      resolve({
        client,
        hostKey: shown ?? "",
        [Symbol.asyncDispose]: () => close(client, through),
      });
    });
    // It stays: an error after the login ends whatever is open on it, and must not end this process.
    client.on("error", (err) => fail(whyNotConnected(login, { shown, err })));
    client.on("close", () =>
      fail(whyNotConnected(login, { shown, err: new Error("the connection was closed") })),
    );
    const config: ConnectConfig = {
      ...(through ? { sock: through } : { host: hostname, port }),
      username: user,
      privateKey: key,
      authHandler: ["publickey"],
      readyTimeout: CONNECT_MS,
      keepaliveInterval: KEEPALIVE_MS,
      keepaliveCountMax: MOST_MISSED,
      // A server with several keys shows the one that it was known by.
      ...(knownKey === null ? {} : { algorithms: { serverHostKey: algorithmsFor(knownKey) } }),
      hostVerifier: (raw: Buffer) => {
        shown = printHostKey(raw);
        return knownKey === null || shown === knownKey;
      },
    };
    try {
      client.connect(config);
    } catch (err) {
      fail(whyNotConnected(login, { shown, err }));
    }
  });

type HostKeyAlgorithms = NonNullable<NonNullable<ConnectConfig["algorithms"]>["serverHostKey"]>;

/** RSA keys sign in newer ways under names of their own (RFC 8332). */
const algorithmsFor = (knownKey: string): HostKeyAlgorithms => {
  const [kind = ""] = knownKey.split(" ");
  return (kind === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"] : [kind]) as HostKeyAlgorithms;
};

const close = (client: Client, through: Duplex | undefined): Promise<void> =>
  new Promise((resolve) => {
    client.removeAllListeners("close");
    client.once("close", () => resolve());
    client.end();
    // Whoever does not answer any more is not waited for.
    client.destroy();
    through?.destroy();
    resolve();
  });

const whyNotConnected = (
  { hostname, port, user, knownKey }: Login,
  { shown, err }: { shown: string | undefined; err: unknown },
): AppError => {
  const place = `${hostname}:${port}`;
  if (knownKey !== null && shown !== undefined && shown !== knownKey)
    return new AppError(
      "conflict",
      `connecting: ${place} shows another host key than before: ${fingerprintOf(shown)}, not ${fingerprintOf(knownKey)}`,
      {
        hint: "If it was set up anew, take it out of the fleet and add it again; if not, somebody may be in between",
      },
    );
  const { level, code } = Object(err) as { level?: unknown; code?: unknown };
  if (level === "client-authentication")
    return new AppError("unavailable", `connecting: ${place} does not let ${user} in with this key`, {
      hint: `Put the public half into ~/.ssh/authorized_keys of ${user} there`,
      cause: err,
    });
  const said = CAUSES[String(code)] ?? (level === "client-timeout" ? "no answer" : messageOf(err));
  return new AppError("unavailable", `connecting: cannot log in to ${place}: ${said}`, {
    hint: "Is it up, does SSH run there, and can the coordinator reach it?",
    cause: err,
  });
};

const CAUSES: Record<string, string> = {
  ECONNREFUSED: "the connection is refused",
  ENOTFOUND: "there is no host of that name",
  EHOSTUNREACH: "there is no way there",
  ENETUNREACH: "there is no way there",
  ETIMEDOUT: "no answer",
  ECONNRESET: "the connection was reset",
};
