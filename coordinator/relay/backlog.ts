import type { StreamFailure } from "../../shared/tunnel/frame.ts";
import type { TunnelLimits } from "./limits.ts";

/** One direction of a stream: what has come, and its reader has not taken. */
export interface Way {
  readonly userId: string;
  /** Memory that it takes up. */
  held: number;
  abort(failure: StreamFailure): void;
}

/** A link of a user. */
interface Sink {
  readonly userId: string;
  /** Was sent, and the other side does not say that it has come. */
  readonly inFlight: number;
  close(reason: string): void;
}

interface User {
  ways: Set<Way>;
  held: number;
  /** In all links, when that was last measured. */
  inFlight: number;
}

type Limits = Pick<TunnelLimits, "memoryBytes" | "memoryBytesPerUser">;

const TOO_SLOW = "More waits for a slow reader than the coordinator may hold";

/**
 * Memory for what waits here. Whoever reads grants far more than mostly comes to wait, so it is not what was granted that is
 * counted, but what is there. Where half of a user's share is in use, or half of all, by users who have more than their part
 * of it, no windows grow any more (`isTight`); where all of it is, the stream in which most waits is broken.
 */
export class Backlog {
  readonly #limits: Limits;
  readonly #users = new Map<string, User>();
  readonly #sinks = new Set<Sink>();
  #held = 0;
  #inFlight = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get bytes(): number {
    return this.#held + this.#inFlight;
  }

  add(way: Way): void {
    this.#userOf(way).ways.add(way);
  }

  remove(way: Way): void {
    this.note(way, 0);
    const user = this.#userOf(way);
    user.ways.delete(way);
    this.#forgetIdle(way.userId, user);
  }

  /** So much waits in this one now. */
  note(way: Way, held: number): void {
    const user = this.#userOf(way);
    const more = held - way.held;
    way.held = held;
    user.held += more;
    this.#held += more;
    if (more > 0) this.#breakWorst(user);
  }

  isTight(userId: string): boolean {
    const { memoryBytes, memoryBytesPerUser } = this.#limits;
    const user = this.#users.get(userId);
    if (!user) return false;
    const own = user.held + user.inFlight;
    if (own > memoryBytesPerUser / 2) return true;
    return this.bytes > memoryBytes / 2 && own > memoryBytes / 2 / this.#users.size;
  }

  addSink(sink: Sink): void {
    this.#sinks.add(sink);
  }

  removeSink(sink: Sink): void {
    this.#sinks.delete(sink);
  }

  /** To be called once in a while: what is in flight is known to the links alone. */
  measure(): void {
    for (const [id, user] of this.#users) {
      user.inFlight = 0;
      this.#forgetIdle(id, user);
    }
    this.#inFlight = 0;
    for (const sink of this.#sinks) {
      if (sink.inFlight === 0) continue;
      this.#userOf(sink).inFlight += sink.inFlight;
      this.#inFlight += sink.inFlight;
    }
    for (const [id, user] of this.#users) {
      if (user.inFlight <= this.#limits.memoryBytesPerUser && this.#inFlight <= this.#limits.memoryBytes)
        continue;
      const own = [...this.#sinks].filter(({ userId }) => userId === id);
      largest(own, ({ inFlight }) => inFlight)?.close(TOO_SLOW);
    }
  }

  #breakWorst(user: User): void {
    const { memoryBytes, memoryBytesPerUser } = this.#limits;
    const isOver = user.held > memoryBytesPerUser;
    if (!isOver && this.#held <= memoryBytes) return;
    const worst = isOver ? user : largest(this.#users.values(), ({ held }) => held);
    largest(worst?.ways ?? [], ({ held }) => held)?.abort({ code: "too_many", message: TOO_SLOW });
  }

  #userOf({ userId }: { userId: string }): User {
    const known = this.#users.get(userId);
    if (known) return known;
    const fresh: User = { ways: new Set(), held: 0, inFlight: 0 };
    this.#users.set(userId, fresh);
    return fresh;
  }

  #forgetIdle(id: string, user: User): void {
    if (user.ways.size === 0 && user.inFlight === 0) this.#users.delete(id);
  }
}

const largest = <T>(all: Iterable<T>, sizeOf: (one: T) => number): T | undefined => {
  let found: T | undefined;
  for (const one of all) if (!found || sizeOf(one) > sizeOf(found)) found = one;
  return found;
};
