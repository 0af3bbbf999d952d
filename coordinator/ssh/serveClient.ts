import type { Socket } from "node:net";
import ssh2, { type Connection } from "ssh2";
import { messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { authenticate } from "../../shared/ssh/authenticate.ts";
import type { SshLogin } from "../domain/tunnels/findLogin.ts";
import type { Holder } from "../relay/holder.ts";
import { ALGORITHMS, type Wanted } from "./agentLeg.ts";
import { bridge } from "./bridge.ts";
import { parseLoginName } from "./loginName.ts";
import { Leg } from "./packets.ts";

export interface ClientDeps {
  /** As OpenSSH keeps it. */
  hostKey: string;
  findLogin(submissionId: string): Promise<SshLogin | undefined>;
  /** By the key that they have shown to have; undefined: a proxy has looked at it. */
  holderOf(login: SshLogin, key: string | undefined): Holder;
  /** For which job a key was made by the coordinator itself; undefined: it was not, or is good no longer. */
  issuedFor(key: string): string | undefined;
  openAgent(wanted: Wanted): Promise<Leg>;
  /** Somebody is in; answers what to do when they are out. */
  entered(login: SshLogin, end: (why: string) => void): () => void;
  log: Logger;
}

/** How long a client may take to log in, and a host to be reached. */
const LOGIN_MS = 30_000;
/** How long the other side may take to end what is over here. */
const LINGER_MS = 2_000;
/** More than the look into the store takes that those who are not known are spared. */
const REFUSE_MS = 30;
/** None of our own: an agent asks whether its client is there, and that passes through. */
const NEVER_MS = 2 ** 31 - 1;

/** One connection to the coordinator's SSH endpoint, until it is over. */
export const serveClient = (socket: Socket, deps: ClientDeps): void => {
  const { hostKey, log } = deps;
  const login = destroyAfter(socket, LOGIN_MS);
  socket.once("finish", () => destroyAfter(socket, LINGER_MS));
  socket.on("error", (err: Error) => log.debug("An SSH client's connection broke", { reason: err.message }));
  const server = new ssh2.Server({
    hostKeys: [hostKey],
    ident: "dstack",
    algorithms: ALGORITHMS,
    keepaliveInterval: NEVER_MS,
  });
  server.on("connection", (client) => {
    client.on("error", (err: Error) => log.debug("An SSH connection broke", { reason: err.message }));
    client.once("ready", login.cancel);
    letIn(client, new Leg(client, socket), deps);
  });
  server.on("error", (err: Error) => log.debug("An SSH connection broke", { reason: err.message }));
  socket.setMaxListeners(0);
  server.injectSocket(socket);
};

const letIn = (client: Connection, near: Leg, deps: ClientDeps): void => {
  const { findLogin, holderOf, issuedFor, openAgent, entered, log } = deps;
  const { transport } = near;
  let asked: { login: SshLogin; key: string | undefined; user: string | null } | undefined;
  let found: Promise<SshLogin | undefined> | undefined;
  authenticate(client, {
    refuseAfterMs: REFUSE_MS,
    failed: (err) => log.error("An SSH login failed", { err }),
    keysOf: async (name, offered) => {
      const issued = issuedFor(offered);
      // A proxy beside the coordinator is told the job by its key, and may have put any user in the place of the name.
      const wanted = parseLoginName(name) ?? (issued ? { submissionId: issued, user: name } : undefined);
      if (!wanted) return [];
      found ??= findLogin(wanted.submissionId);
      const login = await found;
      if (!login) return [];
      const isIssued = issued === login.submissionId;
      asked = { login, key: isIssued ? undefined : offered, user: wanted.user };
      return isIssued ? [...login.keys, offered] : login.keys;
    },
    admit: async () => {
      if (!asked) return false;
      const { login, key, user } = asked;
      const { submissionId } = login;
      try {
        const far = await openAgent({ login, user, holder: holderOf(login, key) });
        if (transport.destroyed) {
          far.transport.destroy();
          return false;
        }
        const left = entered(login, (why) => near.end(why));
        join(near, far, left);
        return true;
      } catch (err) {
        log.info("An SSH client cannot be led to its job", { submissionId, reason: messageOf(err) });
        near.end(messageOf(err));
        return false;
      }
    },
  });
};

/** From now on what one says the other hears; when one is gone the other is ended. */
const join = (near: Leg, far: Leg, left: () => void): void => {
  bridge(near, far);
  near.transport.once("close", () => {
    left();
    far.end("The client has gone");
    destroyAfter(far.transport, LINGER_MS);
  });
  const over = () => near.end("The connection to the job is over");
  far.transport.once("error", (err) => near.end(err.message));
  far.transport.once("end", over).once("close", over);
};

const destroyAfter = (
  transport: { destroy(): unknown; once(event: "close", act: () => void): unknown },
  ms: number,
): { cancel(): void } => {
  const timer = setTimeout(() => transport.destroy(), ms);
  const cancel = () => clearTimeout(timer);
  transport.once("close", cancel);
  return { cancel };
};
