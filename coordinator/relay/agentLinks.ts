import type { Clock } from "../../shared/clock.ts";
import type { Mux } from "../../shared/tunnel/mux.ts";
import { StreamRefusal } from "./holder.ts";

/** An agent that is connected dials within a moment. */
const DIAL_MS = 10_000;
/** For so long after its last use a link is kept for the next one. */
const LINGER_MS = 60_000;
/** An agent has one; those of its processes of before may not have ended yet. */
const MOST_LINKS = 4;

interface AgentLinksDeps {
  clock: Clock;
  /** Whether a tunnel is wanted of an instance has changed (`isWanted`). */
  wake: (instanceId: string) => void;
}

/** The links of agents, who dial when their sync says that one is wanted. */
export class AgentLinks {
  readonly #deps: AgentLinksDeps;
  /** Of an instance the newest one is the last. */
  readonly #links = new Map<string, Mux[]>();
  /** Who waits for the link of an instance. */
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #wantedUntil = new Map<string, number>();

  constructor(deps: AgentLinksDeps) {
    this.#deps = deps;
  }

  /** For the answer of its sync: the agent is to dial, or to keep its link. */
  isWanted(instanceId: string): boolean {
    const link = this.#newest(instanceId);
    // Whoever has something open on it waits, for longer than a link lingers.
    const isMissed = link !== undefined && !link.isUp && link.size > 0;
    const isRecent = (this.#wantedUntil.get(instanceId) ?? 0) > this.#deps.clock.steady();
    return isRecent || isMissed || this.#waiting.has(instanceId);
  }

  /** The newest link is the one that counts; streams of older ones go on as long as those are up, and not too many. */
  add(instanceId: string, mux: Mux): void {
    const older = this.#links.get(instanceId) ?? [];
    this.#links.set(instanceId, [...older, mux]);
    // An agent has one link at a time: it was killed, and nobody is left who would go on with that one.
    for (const one of older) if (!one.isUp) one.close("The agent has started anew");
    const left = this.#links.get(instanceId) ?? [];
    if (left.length > MOST_LINKS) left[0]?.close("Others took its place");
  }

  remove(instanceId: string, mux: Mux): void {
    const left = this.#links.get(instanceId)?.filter((one) => one !== mux) ?? [];
    if (left.length > 0) this.#links.set(instanceId, left);
    else this.#links.delete(instanceId);
  }

  /** It is connected, for the first time or again: who waits for it goes on. */
  connected(instanceId: string): void {
    for (const resume of this.#waiting.get(instanceId) ?? []) resume();
  }

  /** The host is no more. */
  forget(instanceId: string): void {
    this.#wantedUntil.delete(instanceId);
    this.connected(instanceId);
  }

  /** The link of an instance, which is dialled if need be. Throws a refusal. */
  async get(instanceId: string): Promise<Mux> {
    const wasWanted = this.isWanted(instanceId);
    this.#wantedUntil.set(instanceId, this.#deps.clock.steady() + LINGER_MS);
    const present = this.#newest(instanceId);
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
    const mux = this.#newest(instanceId);
    if (mux) return mux;
    throw new StreamRefusal("unavailable", "The host is not connected to the coordinator");
  }

  #newest(instanceId: string): Mux | undefined {
    return this.#links.get(instanceId)?.at(-1);
  }
}
