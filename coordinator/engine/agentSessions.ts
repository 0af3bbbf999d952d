import type { Clock } from "../../shared/clock.ts";
import type { SyncRequest } from "../../shared/protocol/sync.ts";

interface Session {
  id: string;
  /** The agent's count of its own starts; 0 where it does not tell. */
  start: number;
  sequence: number;
  lastSeenAt: number;
}

type SyncIdentity = Pick<SyncRequest, "session" | "sequence" | "start">;

/**
 * The agents as this process sees them: who is there, and how often the desired set of each has changed.
 * Heartbeats live here and nowhere else; after a restart agents make it anew with their next sync. All moments are those
 * of the steady clock.
 */
export class AgentSessions {
  /** Names this process: revisions of another one mean nothing here. */
  readonly epoch = crypto.randomUUID();
  readonly #startedAt: number;
  readonly #clock: Pick<Clock, "steady">;
  readonly #sessions = new Map<string, Session>();
  /** When the host joined, if that was in the time of this process. */
  readonly #joined = new Map<string, number>();
  readonly #revisions = new Map<string, number>();
  readonly #confirmations = new Map<string, number>();
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #forgotten = new Set<(instanceId: string) => void>();

  constructor(clock: Pick<Clock, "steady">) {
    this.#clock = clock;
    this.#startedAt = clock.steady();
  }

  /**
   * Notes a sync. `fenced`: another process of this host is newer, or this request was overtaken by a later
   * one of its own; `repeated`: it was here before. The newest to begin is the one that counts: by the agent's own
   * count, since what an ended process has sent may come late, and the first that a new one has sent may be lost.
   */
  note(instanceId: string, sync: SyncIdentity): "current" | "repeated" | "fenced" {
    const known = this.#sessions.get(instanceId);
    const start = sync.start ?? 0;
    if (known && known.id !== sync.session && !isLater({ ...sync, start }, known)) return "fenced";
    if (this.isOvertaken(instanceId, sync) && known?.id === sync.session) return "fenced";
    const isRepeated = known?.id === sync.session && known.sequence === sync.sequence;
    this.#sessions.set(instanceId, {
      id: sync.session,
      start,
      sequence: sync.sequence,
      lastSeenAt: this.#clock.steady(),
    });
    if (known?.id !== sync.session) this.wake(instanceId);
    return isRepeated ? "repeated" : "current";
  }

  /** A later sync of the host has come since: what this one said may not be so any more. */
  isOvertaken(instanceId: string, sync: SyncIdentity): boolean {
    const known = this.#sessions.get(instanceId);
    return known !== undefined && (known.id !== sync.session || known.sequence > sync.sequence);
  }

  /** The host is there from now on: its agent comes with its first sync a while after it has enrolled. */
  joined(instanceId: string): void {
    this.#joined.set(instanceId, this.#clock.steady());
  }

  /** The agent is there: some request of its newest session has just been answered or is being waited on. */
  touch(instanceId: string): void {
    const session = this.#sessions.get(instanceId);
    if (session) session.lastSeenAt = this.#clock.steady();
  }

  lastSeenAt(instanceId: string): number | undefined {
    return this.#waiting.has(instanceId)
      ? Number.POSITIVE_INFINITY
      : this.#sessions.get(instanceId)?.lastSeenAt;
  }

  /**
   * When it last asked for anything; of one that has not been heard yet when it joined, or, if that was before the start
   * of this process, the start.
   */
  heardAt(instanceId: string): number {
    return this.#sessions.get(instanceId)?.lastSeenAt ?? this.#joined.get(instanceId) ?? this.#startedAt;
  }

  /** An assignment would reach it at once. */
  isWaiting(instanceId: string): boolean {
    return this.#waiting.has(instanceId);
  }

  /** How often a report has confirmed a job of the host: a sync from before then need not know the job. */
  confirmations(instanceId: string): number {
    return this.#confirmations.get(instanceId) ?? 0;
  }

  confirmed(instanceId: string): void {
    this.#confirmations.set(instanceId, this.confirmations(instanceId) + 1);
  }

  revision(instanceId: string): number {
    return this.#revisions.get(instanceId) ?? 1;
  }

  /** What is wanted of the instance has changed: its parked sync is answered now. */
  wake(instanceId: string): void {
    this.#revisions.set(instanceId, this.revision(instanceId) + 1);
    for (const resume of this.#waiting.get(instanceId) ?? []) resume();
  }

  /** Answers all parked syncs, so that the server can stop. */
  wakeAll(): void {
    for (const instanceId of this.#waiting.keys()) this.wake(instanceId);
  }

  /** Parks a sync until the desired set changes, the agent hangs up (`signal`), or its time is up, as `begin` says. */
  async park(
    instanceId: string,
    signal: AbortSignal,
    begin: (timeUp: () => void) => () => void = () => () => {},
  ): Promise<void> {
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const parked = this.#waiting.get(instanceId) ?? new Set();
    this.#waiting.set(instanceId, parked.add(resolve));
    const hungUp = () => resolve();
    signal.addEventListener("abort", hungUp, { once: true });
    const cancel = begin(resolve);
    await promise;
    cancel();
    signal.removeEventListener("abort", hungUp);
    parked.delete(resolve);
    if (parked.size === 0) this.#waiting.delete(instanceId);
  }

  /** The process of before is no more: whatever begins is newer. */
  endSession(instanceId: string): void {
    this.#sessions.delete(instanceId);
  }

  forget(instanceId: string): void {
    this.wake(instanceId);
    this.#sessions.delete(instanceId);
    this.#joined.delete(instanceId);
    this.#revisions.delete(instanceId);
    this.#confirmations.delete(instanceId);
    for (const listener of this.#forgotten) listener(instanceId);
  }

  /** Calls back when a host is no more; returns how to stop that. */
  onForgotten(listener: (instanceId: string) => void): () => void {
    this.#forgotten.add(listener);
    return () => void this.#forgotten.delete(listener);
  }
}

/** Of agents that do not count their starts, the one that begins: with sequence 0. */
const isLater = (one: { start: number; sequence: number }, known: Session): boolean =>
  one.start > known.start || (one.start === known.start && one.sequence === 0);
