import { type Clock, systemClock } from "../../shared/clock.ts";
import { type Logger, silentLogger } from "../../shared/log.ts";
import { AgentStreamRequest, LinkQuery } from "../../shared/protocol/tunnel.ts";
import { Dialler } from "../../shared/tunnel/dialler.ts";
import type { MuxOptions } from "../../shared/tunnel/mux.ts";
import { ReceiveWindow, WindowBudget } from "../../shared/tunnel/receiveWindow.ts";
import type { TunnelStream } from "../../shared/tunnel/stream.ts";
import { type Holder, StreamRefusal } from "../relay/holder.ts";
import { DEFAULT_TUNNEL_LIMITS, type TunnelLimits } from "../relay/limits.ts";
import { Relay } from "../relay/relay.ts";
import { type SocketOwner, tunnelSockets } from "../relay/sockets.ts";

export const SUBMISSION = "5d8a7d0a-3a6f-4b54-8f6e-3c3e6f0a1b2c";
export const HOST = "host";

interface LabOptions {
  limits?: Partial<TunnelLimits>;
  log?: Logger;
  clock?: Clock;
}

/** A relay behind a real server, with one agent that dials when it is wanted. Whoever dials `/ada` is ada. */
export class RelayLab implements AsyncDisposable {
  readonly sockets = new Set<Bun.ServerWebSocket<SocketOwner>>();
  readonly relay: Relay;
  readonly diallers: Dialler[] = [];
  readonly requests: unknown[] = [];
  isAgentThere = true;
  /** What the rules say of a user; who is not named here may do everything. */
  readonly revoked = new Map<string, string>();
  /** What the rules say of what is open. */
  state: "stays" | "over" = "stays";
  /** What the agent does with a stream: it sends back what it gets. */
  onStream: MuxOptions["onStream"] = echo;
  readonly #server: Bun.Server<SocketOwner>;

  constructor({ limits, log = silentLogger, clock = systemClock }: LabOptions = {}) {
    this.relay = new Relay({
      clock,
      log,
      limits: { ...DEFAULT_TUNNEL_LIMITS, ...limits },
      audit: { link: () => () => {}, stream: () => () => {} },
      wake: () => this.agent(),
    });
    this.#server = Bun.serve({
      port: 0,
      fetch: (request, server) => {
        const { pathname, searchParams } = new URL(request.url);
        const dial = LinkQuery.parse(Object.fromEntries(searchParams));
        const owner =
          pathname === "/agent"
            ? this.relay.agent(HOST, dial)
            : this.relay.client(this.holder(pathname.slice(1)), dial);
        if (!owner) return new Response(null, { status: 429 });
        return server.upgrade(request, { data: owner }) ? undefined : new Response(null, { status: 426 });
      },
      websocket: {
        ...tunnelSockets,
        open: (socket) => {
          this.sockets.add(socket);
          tunnelSockets.open?.(socket);
        },
        close: (socket, code, reason) => {
          this.sockets.delete(socket);
          tunnelSockets.close?.(socket, code, reason);
        },
      },
    });
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#server.port}`;
  }

  holder(userId: string): Holder {
    const check = async () => {
      const reason = this.revoked.get(userId);
      if (reason !== undefined) throw new StreamRefusal("forbidden", reason);
    };
    return {
      userId,
      username: userId,
      project: { id: "main", name: "main" },
      address: "127.0.0.1",
      check,
      find: async ({ submission_id, to }) => {
        await check();
        if (to.kind !== "port" || to.port === 1) throw new StreamRefusal("forbidden", "Not this one");
        return {
          instanceId: HOST,
          request: { submission_id, to },
          run: { id: "run", name: "web", project_id: "main" },
          jobName: "web-0-0",
        };
      },
      recheck: async () => {
        await check();
        return this.state;
      },
    };
  }

  dial(path: string, onStream: MuxOptions["onStream"] = () => {}): Dialler {
    const dialler = new Dialler({
      url: `${this.url}${path}`,
      headers: () => ({}),
      clock: systemClock,
      resumeMs: 5_000,
      onStream,
      onClosed: () => {},
    });
    this.diallers.push(dialler);
    return dialler;
  }

  agent(): void {
    if (!this.isAgentThere) return;
    this.dial("/agent", (incoming, request) => {
      const { share, ...rest } = AgentStreamRequest.parse(request);
      this.requests.push(rest);
      incoming.stream.share = share ?? "";
      this.onStream(incoming, request);
    });
  }

  cut(): void {
    for (const socket of this.sockets) socket.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const dialler of this.diallers) dialler[Symbol.dispose]();
    this.relay.close();
    await this.#server.stop(true);
  }
}

const echo: MuxOptions["onStream"] = ({ stream, accept }) => {
  stream.handle({
    accepted: () => {},
    data: (piece) => {
      stream.write(piece);
      stream.grant(piece.length);
    },
    credit: () => {},
    blocked: () => {},
    ended: () => stream.end(),
    closed: () => {},
  });
  accept(null);
};

/** What comes back of what was sent, once the stream is over; rejects with the code of a failure. */
export const echoOf = (
  stream: TunnelStream,
  sent: Uint8Array,
  onData: (received: number) => void = () => {},
) => {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const window = new ReceiveWindow(stream, new WindowBudget(16 * 1024 * 1024));
  const pieces: Uint8Array[] = [];
  let [received, at] = [0, 0];
  const write = () => {
    while (at < sent.length && stream.room > 0) {
      stream.write(sent.subarray(at, at + 100_000));
      at += 100_000;
    }
    if (at >= sent.length) stream.end();
  };
  stream.handle({
    accepted: write,
    data: (piece) => {
      pieces.push(piece.slice());
      received += piece.length;
      window.came(piece.length);
      window.consumed(piece.length);
      onData(received);
    },
    credit: write,
    blocked: () => window.blocked(),
    ended: () => resolve(Buffer.concat(pieces)),
    closed: (failure) => {
      window.release();
      if (failure) reject(new Error(failure.code));
    },
  });
  return promise;
};

export const sample = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, at) => (at * 7 + (at >> 9)) & 255);
export const open = (client: Dialler, port = 80) =>
  client.mux.open({ submission_id: SUBMISSION, to: { kind: "port", port } });
