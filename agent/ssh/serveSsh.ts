import type { Duplex } from "node:stream";
import ssh2 from "ssh2";
import type { Logger } from "../../shared/log.ts";
import { authenticate } from "../../shared/ssh/authenticate.ts";
import type { HostKey } from "../../shared/ssh/hostKey.ts";
import type { AttachedJob, JobOutput } from "../jobs/runningJobs.ts";
import type { JobShell } from "../runtime/shell.ts";
import type { JobNetwork } from "../tunnel/dialPort.ts";
import { Channels } from "./channels.ts";
import { serveForwards } from "./forward.ts";
import { serveReverse } from "./reverse.ts";
import { serveSession } from "./session.ts";
import { serveSockets } from "./sockets.ts";
import { watchTerminalWishes } from "./terminalWish.ts";

export interface SshOptions {
  hostKey: HostKey;
  /** Public keys, of which any may log in. */
  keys: readonly string[];
  /** Unix user; null: the job's own. */
  user: string | null;
  shell: JobShell | undefined;
  network: JobNetwork;
  output: JobOutput;
  use: AttachedJob["use"];
  /** Aborted when the job has ended: then all is over. */
  ended: AbortSignal;
  log: Logger;
}

/** Of one connection, sessions and forwarded ports together. */
const MOST_CHANNELS = 256;
/** docs/spec/agent.md §3. */
const KEEPALIVE = { keepaliveInterval: 30_000, keepaliveCountMax: 4 };
/** How long a client may take to log in. */
const LOGIN_MS = 30_000;
/** How long the other side may take to end what is over here. */
const LINGER_MS = 2_000;
/** After a job's end its last output, and the word that it is over, may be read for so long. */
const LAST_WORDS_MS = 60_000;

/** The SSH server that the agent is for one job, on one connection. */
export const serveSsh = (transport: Duplex, options: SshOptions): void => {
  const { hostKey, keys, ended, log } = options;
  // Before its first word too.
  const login = destroyAfter(transport, LOGIN_MS);
  transport.once("finish", () => {
    transport.resume();
    destroyAfter(transport, LINGER_MS);
  });
  const server = new ssh2.Server({ hostKeys: [hostKey.private], ident: "dstack-agent", ...KEEPALIVE });
  server.on("connection", (client) => {
    authenticate(client, {
      keysOf: () => keys,
      failed: (err) => log.error("A login failed", { err }),
    });
    client.once("ready", login.cancel);
    client.on("error", (err: Error) => log.debug("A client's SSH connection broke", { reason: err.message }));
    const channels = new Channels(MOST_CHANNELS, options.use);
    transport.once("close", () => channels.leaveAll());
    const wishedModes = watchTerminalWishes(client);
    const sockets = serveSockets(client, { ...options, transport, channels });
    client.on("session", (accept, reject) => {
      if (channels.isFull) return reject();
      const session = accept();
      channels.opened(session, { isUse: true });
      serveSession(session, { ...options, transport, wishedModes, agentSocket: sockets.agent });
    });
    serveForwards(client, { ...options, transport, channels });
    serveReverse(client, { ...options, transport, channels });
    const end = () => {
      channels.whenNone(() => client.end());
      destroyAfter(transport, LAST_WORDS_MS);
    };
    if (ended.aborted) end();
    else ended.addEventListener("abort", end, { once: true });
    client.once("close", () => ended.removeEventListener("abort", end));
  });
  server.on("error", (err: Error) => log.debug("An SSH connection broke", { reason: err.message }));
  // Before a client has said its first word there is nobody to tell of an error.
  transport.on("error", (err: Error) =>
    log.debug("The stream of an SSH connection broke", { reason: err.message }),
  );
  // Each channel waits for its end.
  transport.setMaxListeners(0);
  server.injectSocket(transport);
};

const destroyAfter = (transport: Duplex, ms: number): { cancel(): void } => {
  const timer = setTimeout(() => transport.destroy(), ms);
  const cancel = () => clearTimeout(timer);
  transport.once("close", cancel);
  return { cancel };
};
