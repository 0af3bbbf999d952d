import type { Clock } from "../../shared/clock.ts";
import type { Logger } from "../../shared/log.ts";
import { ClientStreamRequest } from "../../shared/protocol/tunnel.ts";
import type { StreamFailure } from "../../shared/tunnel/frame.ts";
import type { IncomingStream, Mux } from "../../shared/tunnel/mux.ts";
import type { TunnelStream } from "../../shared/tunnel/stream.ts";
import { AgentLinks } from "./agentLinks.ts";
import type { Audit } from "./audit.ts";
import { Backlog } from "./backlog.ts";
import { type Destination, type Holder, StreamRefusal } from "./holder.ts";
import { KnownDestinations } from "./knownDestinations.ts";
import type { TunnelLimits } from "./limits.ts";
import { type LinkDial, LinkSessions } from "./linkSessions.ts";
import { type OpenStream, OpenStreams } from "./openStreams.ts";
import { RefusalLog, who } from "./refusalLog.ts";
import type { SocketOwner } from "./sockets.ts";
import { openFor, splice } from "./splice.ts";
import { type Counted, StreamCounts } from "./streamCounts.ts";
import { UserShares } from "./userShares.ts";

export interface RelayDeps {
  clock: Clock;
  log: Logger;
  limits: TunnelLimits;
  audit: Audit;
  /** Whether a tunnel is wanted of an instance has changed (`isWanted`). */
  wake: (instanceId: string) => void;
}

export interface RelayFigures extends Counted {
  links: number;
  /** Links of agents. */
  hosts: number;
  streams: number;
  waitingBytes: number;
}

const RESUME_MS = 60_000;
/** Far more than a link of small requests and answers comes to, and some tenth of a second's work. */
const MOST_SMALL_FRAMES = 100_000;
/** Of an agent the newest few are kept (agentLinks.ts). */
const ANY_LINKS = { ofDialler: Number.POSITIVE_INFINITY, ofAll: Number.POSITIVE_INFINITY };

interface Reached {
  /** To be called when the stream is over. */
  leave: () => void;
  /** How many changes had been made when it was last looked whether it may be. */
  seen: number;
}

type Dial = Omit<LinkDial, "principal">;

/** Passes streams on from clients, who have dialled in, to agents, who dial in when they are asked to. */
export class Relay {
  readonly #deps: RelayDeps;
  readonly #hosts: LinkSessions;
  readonly #clients: LinkSessions;
  readonly #agents: AgentLinks;
  readonly #open: OpenStreams;
  readonly #shares: UserShares;
  readonly #backlog: Backlog;
  readonly #refusals: RefusalLog;
  readonly #counts = new StreamCounts();

  constructor(deps: RelayDeps) {
    this.#deps = deps;
    const { clock, log, limits } = deps;
    const common = { clock, log, resumeMs: RESUME_MS, mostSmallFrames: MOST_SMALL_FRAMES };
    this.#hosts = new LinkSessions({ ...common, maxStreams: Number.POSITIVE_INFINITY });
    this.#clients = new LinkSessions({ ...common, maxStreams: limits.streamsPerLink });
    this.#agents = new AgentLinks(deps);
    this.#backlog = new Backlog(limits);
    this.#open = new OpenStreams({ ...deps, onLook: () => this.#backlog.measure() });
    this.#shares = new UserShares(deps);
    this.#refusals = new RefusalLog(deps);
  }

  /** For the answer of its sync: the agent is to dial, or to keep its link. */
  isWanted(instanceId: string): boolean {
    return this.#agents.isWanted(instanceId);
  }

  /** An agent dials. The newest link is the one that counts; streams of an older one go on as long as it is up. */
  agent(instanceId: string, dial: Dial): SocketOwner {
    const named = { ...dial, principal: instanceId };
    const owner = this.#hosts.accept(named, ANY_LINKS, (mux) => {
      this.#agents.add(instanceId, mux);
      return {
        onStream: () => mux.close("Agents open no streams", true),
        onClosed: (reason, isBreach) => {
          this.#agents.remove(instanceId, mux);
          if (isBreach)
            this.#deps.log.warn("The link of an agent was closed", { instance_id: instanceId, reason });
        },
      };
    });
    return {
      ...owner,
      opened: (socket) => {
        owner.opened(socket);
        this.#agents.connected(instanceId);
      },
    };
  }

  /** A client dials; undefined: there are enough links, of this user or of all. */
  client(holder: Holder, dial: Dial): SocketOwner | undefined {
    const { limits, log, audit } = this.#deps;
    const named = { ...dial, principal: holder.userId };
    const most = { ofDialler: limits.linksPerUser, ofAll: limits.links };
    if (this.#clients.isTooMany(named, most)) {
      log.warn("A tunnel was refused, for there are too many", who(holder));
      return undefined;
    }
    return this.#clients.accept(named, most, (mux) => {
      // Nothing that was given over it is to outlive it, as what was is to outlive a coordinator.
      const close = (reason: string) => mux.abort(reason);
      const link = { holder, close };
      const sink = {
        userId: holder.userId,
        get inFlight() {
          return mux.inFlight;
        },
        close,
      };
      this.#open.addLink(link);
      this.#backlog.addSink(sink);
      const ended = audit.link(holder);
      const known = new KnownDestinations(holder, () => this.#open.changes);
      return {
        onStream: (incoming, request) => void this.#connect(incoming, { mux, holder, known, request }),
        onClosed: (reason, isBreach) => {
          this.#open.removeLink(link);
          this.#backlog.removeSink(sink);
          ended();
          if (isBreach) log.warn("A tunnel was closed", { ...who(holder), reason });
        },
      };
    });
  }

  /** A stream of the coordinator's own, for clients who know no tunnels. Throws a refusal. */
  async open(holder: Holder, destination: Destination): Promise<TunnelStream> {
    const { agent, ...reached } = await this.#reach(holder, async () => destination);
    const far = openFor(agent, { userId: holder.userId, request: destination.request });
    const abort = (failure: StreamFailure) => far.abort(failure);
    this.#note({ holder, destination, far, isUp: () => agent.isUp, abort }, reached);
    return far;
  }

  /** Something that the right to streams hangs on was written: all of them, or those of a submission or a run. */
  changed(what?: { submissionId?: string; runId?: string }): void {
    this.#open.changed(what);
  }

  /** What there is at this moment, and what there was since the start. */
  get figures(): RelayFigures {
    return {
      links: this.#clients.size,
      hosts: this.#hosts.size,
      streams: this.#open.size,
      waitingBytes: this.#backlog.bytes,
      ...this.#counts.with(this.#open.list()),
    };
  }

  /** The host is no more. */
  forget(instanceId: string): void {
    this.#hosts.close(instanceId, "The host was removed");
    this.#agents.forget(instanceId);
  }

  close(): void {
    this.#open.close();
    this.#clients.closeAll("The coordinator stops");
    this.#hosts.closeAll("The coordinator stops");
  }

  async #connect(
    { stream: near, accept }: IncomingStream,
    { mux, holder, known, request }: { mux: Mux; holder: Holder; known: KnownDestinations; request: unknown },
  ): Promise<void> {
    try {
      const asked = ClientStreamRequest.safeParse(request);
      if (!asked.success) throw new StreamRefusal("forbidden", "This is no request for a stream");
      const { destination, agent, ...reached } = await this.#reach(holder, () => known.find(asked.data));
      if (near.isGone) return reached.leave();
      const { userId } = holder;
      const spliced = { request: destination.request, userId, backlog: this.#backlog };
      const far = splice({ stream: near, accept }, agent, spliced);
      const isUp = () => agent.isUp && mux.isUp;
      const abort = (failure: StreamFailure) => near.abort(failure);
      this.#note({ holder, destination, far, isUp, abort }, reached);
    } catch (err) {
      near.reset(this.#refusal(err, holder, request));
    }
  }

  /** What somebody is told who gets no stream. */
  #refusal(err: unknown, holder: Holder, request: unknown): StreamFailure {
    if (!(err instanceof StreamRefusal)) {
      this.#deps.log.error("A stream could not be passed on", { ...who(holder), err });
      return { code: "unavailable", message: "Internal error; see the coordinator's log" };
    }
    this.#counts.refused(err.code);
    this.#refusals.write(holder, err, request);
    return { code: err.code, message: err.message };
  }

  /**
   * Where a stream leads, and the way there. Throws a refusal. Both take their time: what has changed meanwhile counts, up
   * to the moment at which this returns.
   */
  async #reach(
    holder: Holder,
    find: () => Promise<Destination>,
  ): Promise<Reached & { destination: Destination; agent: Mux }> {
    const leave = this.#shares.enter(holder.userId);
    try {
      let seen = this.#open.changes;
      const destination = await find();
      const agent = await this.#agents.get(destination.instanceId);
      while (seen !== this.#open.changes) {
        seen = this.#open.changes;
        const state = await holder.recheck(destination);
        if (state === "over") throw new StreamRefusal("unavailable", "The job has ended");
      }
      return { destination, agent, leave, seen };
    } catch (err) {
      leave();
      throw err;
    }
  }

  #note(stream: OpenStream, { leave, seen }: Reached): void {
    const { holder, destination, far } = stream;
    if (far.isGone) {
      leave();
      return;
    }
    const ended = this.#deps.audit.stream(holder, destination);
    far.whenGone = () => {
      this.#open.remove(stream);
      this.#counts.ended(far);
      leave();
      ended(far);
    };
    this.#counts.opened();
    this.#open.add(stream);
    // Written since it was last looked, and before it was on the list.
    if (seen !== this.#open.changes) this.#open.changed();
  }
}
