import type { AgentStreamRequest } from "../../shared/protocol/tunnel.ts";
import type { StreamFailure } from "../../shared/tunnel/frame.ts";
import type { Memory } from "../../shared/tunnel/memory.ts";
import { FIRST_WINDOW, type IncomingStream, type Mux } from "../../shared/tunnel/mux.ts";
import type { StreamHandler, TunnelStream } from "../../shared/tunnel/stream.ts";
import type { Backlog, Way } from "./backlog.ts";

interface Splice {
  request: AgentStreamRequest;
  /** Whose stream it is. */
  userId: string;
  backlog: Backlog;
}

/**
 * Passes a client's stream on to an agent, as another stream of the agent's link. Whoever reads at one end grants what
 * the other end sends. Credit is passed on as it comes, so that here lies no more than the two have agreed upon; while too
 * much lies here (`Backlog`), no more of it than for a first window at a time.
 */
export const splice = (
  client: IncomingStream,
  agent: Mux,
  { request, userId, backlog }: Splice,
): TunnelStream => {
  const near = client.stream;
  const first = (credit: number): number =>
    backlog.isTight(userId) ? Math.min(credit, FIRST_WINDOW) : credit;
  const far = openFor(agent, { userId, request }, first(near.room));
  const abort = (failure: StreamFailure) => near.abort(failure);
  const down = new OneWay({ from: far, to: near, backlog, way: { userId, held: 0, abort } });
  const up = new OneWay({ from: near, to: far, backlog, way: { userId, held: 0, abort } });
  down.credit(near.room - far.granted);
  const accept = (answer: unknown, credit: number): void => {
    const granted = first(credit);
    try {
      client.accept(answer, granted);
    } catch (err) {
      if (!(err instanceof RangeError)) throw err;
      // It came in a frame, and is longer when it is written again: nothing that a host has to say.
      near.abort({ code: "unavailable", message: "The host answered nonsense" });
      return;
    }
    up.credit(credit - granted);
  };
  near.handle({ ...handlerOf(up, down), accepted: () => {} });
  far.handle({ ...handlerOf(down, up), accepted: accept });
  return far;
};

/** Of the stream from which `comes` is read, and to which `goes` is written. */
const handlerOf = (comes: OneWay, goes: OneWay): Omit<StreamHandler, "accepted"> => ({
  data: (piece, memory) => comes.write(piece, memory),
  credit: (bytes) => goes.credit(bytes),
  blocked: () => comes.sayBlocked(),
  ended: () => comes.end(),
  sent: () => goes.moved(),
  closed: (failure) => {
    goes.over();
    if (failure) comes.break(failure);
  },
});

/** A stream to an agent, in whose link its user has one turn among the others', in both directions. */
export const openFor = (
  agent: Mux,
  { userId, request }: { userId: string; request: AgentStreamRequest },
  granted = FIRST_WINDOW,
): TunnelStream => {
  // Agents need not know who it is.
  const share = Bun.hash(userId).toString(36);
  const far = agent.open({ ...request, share }, granted);
  far.share = share;
  return far;
};

interface Ends {
  from: TunnelStream;
  to: TunnelStream;
  backlog: Backlog;
  way: Way;
}

/** What comes over one stream and goes out over another. */
class OneWay {
  readonly #ends: Ends;
  /** The reader takes so much more than its writer was told. */
  #owed = 0;

  constructor(ends: Ends) {
    this.#ends = ends;
    ends.backlog.add(ends.way);
  }

  write(piece: Uint8Array, memory: Memory | undefined): void {
    this.#ends.to.write(piece, memory);
    memory?.release();
    this.moved();
  }

  /** The reader takes so many bytes more. */
  credit(bytes: number): void {
    this.#owed += bytes;
    this.moved();
  }

  sayBlocked(): void {
    this.#ends.to.sayBlocked();
  }

  end(): void {
    this.#ends.to.end();
  }

  /** Who reads is gone, and so is what waited for them. */
  over(): void {
    this.#ends.backlog.remove(this.#ends.way);
  }

  break(failure: StreamFailure): void {
    this.#ends.to.reset(failure);
    this.over();
  }

  /** Something has come, or gone out. */
  moved(): void {
    const { from, to, backlog, way } = this.#ends;
    if (to.held !== way.held) backlog.note(way, to.held);
    if (this.#owed === 0) return;
    const room = backlog.isTight(way.userId) ? FIRST_WINDOW - from.granted - to.held : this.#owed;
    const granted = Math.min(this.#owed, room);
    if (granted < this.#owed && granted < FIRST_WINDOW / 4) return;
    this.#owed -= granted;
    from.grant(granted);
  }
}
