import { createServer, type Server, type Socket } from "node:net";
import type { Clock } from "../../shared/clock.ts";
import { messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { fingerprintOf } from "../../shared/ssh/fingerprint.ts";
import type { HostKey } from "../../shared/ssh/hostKey.ts";
import { WindowBudget } from "../../shared/tunnel/receiveWindow.ts";
import type { SshLogin } from "../domain/tunnels/findLogin.ts";
import type { Holder } from "../relay/holder.ts";
import type { Relay } from "../relay/relay.ts";
import { Admission } from "./admission.ts";
import { openAgentLeg } from "./agentLeg.ts";
import { IssuedKeys } from "./issuedKeys.ts";
import { serveClient } from "./serveClient.ts";

export interface SshEndpointDeps {
  hostKey: HostKey;
  relay: Pick<Relay, "open">;
  clock: Clock;
  findLogin(submissionId: string): Promise<SshLogin | undefined>;
  /** Of somebody who has come in, by a key of theirs or (undefined) a proxy. */
  holderOf(entry: { login: SshLogin; key: string | undefined; address: string }): Holder;
  log: Logger;
}

const LIMITS = { most: 2_000, mostOfAddress: 500, mostLoggingIn: 200, mostLoggingInOfAddress: 40 };
/** For windows beyond the first, of all connections. */
const BUDGET_BYTES = 64 * 1024 * 1024;

const TELL_MS = 60_000;

interface Session {
  end(why: string): void;
}

/** The coordinator's own SSH server, for clients that know no tunnels: each connection is led to the job that it names. */
export class SshEndpoint implements Disposable {
  readonly #deps: SshEndpointDeps;
  readonly #admission: Admission;
  readonly #budget = new WindowBudget(BUDGET_BYTES);
  readonly #issued: IssuedKeys;
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<Session>();
  #refused = 0;
  #toldAt = Number.NEGATIVE_INFINITY;
  #server: Server | undefined;
  #port: number | undefined;

  constructor(deps: SshEndpointDeps) {
    this.#deps = deps;
    this.#admission = new Admission(LIMITS, deps.clock);
    this.#issued = new IssuedKeys(deps.clock);
  }

  /** Undefined: nobody can connect. */
  get port(): number | undefined {
    return this.#port;
  }

  /** How many are logged in. */
  get size(): number {
    return this.#sessions.size;
  }

  /** `ssh-ed25519 AAAA…`. */
  get hostKey(): string {
    return this.#deps.hostKey.public;
  }

  /** Rejects where the port cannot be had. */
  async listen(host: string, port: number): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => this.#take(socket));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject);
    server.listen({ host, port }, resolve);
    await promise;
    server.on("error", (err) => this.#deps.log.error("The SSH endpoint failed", { reason: messageOf(err) }));
    const address = server.address();
    this.#server = server;
    this.#port = typeof address === "object" ? address?.port : undefined;
    this.#deps.log.info("SSH for jobs is served", {
      host,
      port: this.#port,
      host_key: fingerprintOf(this.hostKey),
    });
  }

  /** A private key with which a proxy beside the coordinator may log in to this job for a minute. */
  issueKey(submissionId: string): string {
    return this.#issued.issue(submissionId);
  }

  [Symbol.dispose](): void {
    this.#port = undefined;
    this.#server?.close();
    for (const { end } of this.#sessions) end("The coordinator stops");
    for (const socket of this.#sockets) socket.destroySoon();
  }

  /** Once in a while: whoever comes so often does not fill the log too. */
  #tellRefused(address: string): void {
    this.#refused += 1;
    const now = this.#deps.clock.steady();
    if (now - this.#toldAt < TELL_MS) return;
    const fields = { address, refused: this.#refused, open: this.#admission.size };
    this.#deps.log.warn("SSH connections are refused: there are too many", fields);
    this.#toldAt = now;
    this.#refused = 0;
  }

  #take(socket: Socket): void {
    const { log, hostKey, relay, findLogin, holderOf } = this.#deps;
    const address = socket.remoteAddress ?? "";
    const ticket = this.#admission.admit({ address, end: () => socket.destroy() });
    if (!ticket) {
      this.#tellRefused(address);
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      ticket.closed();
    });
    serveClient(socket, {
      hostKey: hostKey.private,
      log: log.child({ address }),
      findLogin,
      holderOf: (login, key) => holderOf({ login, key, address }),
      issuedFor: (key) => this.#issued.submissionOf(key),
      openAgent: (wanted) => openAgentLeg({ relay, budget: this.#budget }, wanted),
      entered: (login, end) => {
        ticket.loggedIn();
        const session = { end };
        this.#sessions.add(session);
        const { submissionId, run, user } = login;
        const fields = { address, user: user.username, run: run.name, submission_id: submissionId };
        log.info("An SSH client has logged in", fields);
        return () => {
          this.#sessions.delete(session);
          log.info("An SSH client has left", fields);
        };
      },
    });
  }
}
