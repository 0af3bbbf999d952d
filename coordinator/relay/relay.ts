import type { Clock } from "../../shared/clock.ts";
import { messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import {
  type AgentStreamRequest,
  ClientStreamRequest,
  type StreamFailureCode,
} from "../../shared/protocol/tunnel.ts";
import type { IncomingStream, Mux } from "../../shared/tunnel/mux.ts";
import type { TunnelStream } from "../../shared/tunnel/stream.ts";
import { type LinkDial, LinkSessions } from "./linkSessions.ts";
import type { SocketOwner } from "./sockets.ts";
import { splice } from "./splice.ts";

export interface Destination {
  instanceId: string;
  request: AgentStreamRequest;
}

/** Why somebody does not get a stream. */
export class StreamRefusal extends Error {
  override readonly name = "StreamRefusal";
  readonly code: StreamFailureCode;

  constructor(code: StreamFailureCode, message: string) {
    super(message);
    this.code = code;
  }
}

export interface RelayDeps {
  clock: Clock;
  log: Logger;
  /** Whether a tunnel is wanted of an instance has changed (`isWanted`). */
  wake: (instanceId: string) => void;
}

const RESUME_MS = 60_000;
const MAX_STREAMS = 1_000;
const MAX_LINKS = 64;
/** Far more than a link of small requests and answers comes to, and some tenth of a second's work. */
const MOST_SMALL_FRAMES = 100_000;
/** An agent that is connected dials within a moment. */
const DIAL_MS = 10_000;
/** For so long after its last use a link is kept for the next one. */
const LINGER_MS = 60_000;

/** Passes streams on from clients, who have dialled in, to agents, who dial in when they are asked to. */
export class Relay {
  readonly #deps: RelayDeps;
  readonly #sessions: LinkSessions;
  readonly #agents = new Map<string, Mux>();
  /** Who waits for the link of an instance. */
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #wantedUntil = new Map<string, number>();

  constructor(deps: RelayDeps) {
    this.#deps = deps;
    this.#sessions = new LinkSessions({
      clock: deps.clock,
      log: deps.log,
      resumeMs: RESUME_MS,
      maxStreams: MAX_STREAMS,
      mostSmallFrames: MOST_SMALL_FRAMES,
    });
  }

  /** For the answer of its sync: the agent is to dial, or to keep its link. */
  isWanted(instanceId: string): boolean {
    const link = this.#agents.get(instanceId);
    // Whoever has something open on it waits, for longer than a link lingers.
    const isMissed = link !== undefined && !link.isUp && link.size > 0;
    const isRecent = (this.#wantedUntil.get(instanceId) ?? 0) > this.#deps.clock.steady();
    return isRecent || isMissed || this.#waiting.has(instanceId);
  }

  /** An agent dials. The newest link is the one that counts; streams of an older one go on as long as it is up. */
  agent(instanceId: string, dial: Omit<LinkDial, "principal">): SocketOwner {
    const owner = this.#sessions.accept({ ...dial, principal: `agent ${instanceId}` }, (mux) => {
      const older = this.#agents.get(instanceId);
      this.#agents.set(instanceId, mux);
      // An agent has one link at a time: it was killed, and nobody is left who would go on with that one.
      if (older && !older.isUp) older.close("The agent has started anew");
      return {
        onStream: ({ stream }) => stream.reset({ code: "forbidden", message: "Agents open no streams" }),
        onClosed: () => {
          if (this.#agents.get(instanceId) === mux) this.#agents.delete(instanceId);
        },
      };
    });
    return {
      ...owner,
      opened: (socket) => {
        owner.opened(socket);
        for (const resume of this.#waiting.get(instanceId) ?? []) resume();
      },
    };
  }

  /** A client dials; undefined: it has enough links. `resolve` says where a stream leads, or throws a refusal. */
  client(
    userId: string,
    dial: Omit<LinkDial, "principal">,
    resolve: (request: ClientStreamRequest) => Promise<Destination>,
  ): SocketOwner | undefined {
    const principal = `user ${userId}`;
    if (dial.received === 0 && this.#sessions.count(principal) >= MAX_LINKS) return undefined;
    return this.#sessions.accept({ ...dial, principal }, () => ({
      onStream: (incoming, request) => void this.#connect(incoming, request, resolve),
      onClosed: () => {},
    }));
  }

  /** A stream of the coordinator's own, for clients who know no tunnels. Throws a refusal. */
  async open({ instanceId, request }: Destination): Promise<TunnelStream> {
    return (await this.#agentLink(instanceId)).open(request);
  }

  /** The user is no more, or no longer may: what they have open ends now. */
  dismiss(userId: string): void {
    this.#sessions.close(`user ${userId}`, "Access was revoked");
  }

  /** The host is no more. */
  forget(instanceId: string): void {
    this.#sessions.close(`agent ${instanceId}`, "The host was removed");
    this.#wantedUntil.delete(instanceId);
  }

  close(): void {
    this.#sessions.closeAll("The coordinator stops");
  }

  async #connect(
    incoming: IncomingStream,
    request: unknown,
    resolve: (request: ClientStreamRequest) => Promise<Destination>,
  ): Promise<void> {
    try {
      const asked = ClientStreamRequest.safeParse(request);
      if (!asked.success) throw new StreamRefusal("forbidden", "This is no request for a stream");
      const destination = await resolve(asked.data);
      const agent = await this.#agentLink(destination.instanceId);
      if (!incoming.stream.isGone) splice(incoming, agent, destination.request);
    } catch (err) {
      if (!(err instanceof StreamRefusal)) this.#deps.log.error("A stream could not be passed on", { err });
      const code = err instanceof StreamRefusal ? err.code : "unavailable";
      const message =
        err instanceof StreamRefusal ? messageOf(err) : "Internal error; see the coordinator's log";
      incoming.stream.reset({ code, message });
    }
  }

  async #agentLink(instanceId: string): Promise<Mux> {
    const wasWanted = this.isWanted(instanceId);
    this.#wantedUntil.set(instanceId, this.#deps.clock.steady() + LINGER_MS);
    const present = this.#agents.get(instanceId);
    if (present?.isUp) return present;
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = this.#waiting.get(instanceId) ?? new Set();
    this.#waiting.set(instanceId, waiting.add(resolve));
    const cancel = this.#deps.clock.after(DIAL_MS, resolve);
    if (!wasWanted) this.#deps.wake(instanceId);
    await promise;
    cancel();
    waiting.delete(resolve);
    if (waiting.size === 0) this.#waiting.delete(instanceId);
    const mux = this.#agents.get(instanceId);
    if (mux) return mux;
    throw new StreamRefusal("unavailable", "The host is not connected to the coordinator");
  }
}
