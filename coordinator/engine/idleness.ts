import type { Clock } from "../../shared/clock.ts";
import type { HeldSubmission } from "../../shared/protocol/sync.ts";
import type { AgentSessions } from "./agentSessions.ts";

/** What a host has said of a job. */
interface Word {
  instanceId: string;
  idleMs: number;
  /** When it came, steady time. */
  at: number;
}

interface Watch {
  runId: string;
  instanceId: string | null;
  limitMs: number;
  /** Since it is watched so: what was said before says nothing about who has come meanwhile. */
  told: Word | undefined;
  /** Stops waiting for the moment at which its host is asked. */
  cancel: (() => void) | undefined;
}

interface IdlenessDeps {
  clock: Pick<Clock, "steady" | "after">;
  agents: Pick<AgentSessions, "wake" | "lastSeenAt">;
}

/** A host is asked no more often than this. */
const SHORTEST_MS = 250;

/**
 * For how long nobody has used jobs, as their hosts say with each sync; nothing of it is stored. Where there is a limit,
 * the host is asked when it may have been reached, and only its fresh word ends the job: one that is cut off ends nothing.
 */
export class Idleness {
  readonly #deps: IdlenessDeps;
  readonly #words = new Map<string, Map<string, Word>>();
  readonly #watched = new Map<string, Watch>();
  #onReached: (runId: string) => void = () => {};

  constructor(deps: IdlenessDeps) {
    this.#deps = deps;
  }

  /** Calls back with runs of which a job has reached its limit. */
  onReached(listener: (runId: string) => void): void {
    this.#onReached = listener;
  }

  /** What a sync of the host says; of jobs that it does not name it says nothing any more. */
  note(instanceId: string, held: readonly HeldSubmission[]): void {
    const at = this.#deps.clock.steady();
    const words = new Map<string, Word>();
    for (const { submission_id: id, idle_ms: idleMs } of held)
      if (typeof idleMs === "number") words.set(id, { instanceId, idleMs, at });
    if (words.size > 0) this.#words.set(instanceId, words);
    else this.#words.delete(instanceId);
    for (const [id, word] of words) {
      const watch = this.#watched.get(id);
      // What another host names is not that host's.
      if (watch?.instanceId !== instanceId) continue;
      watch.told = word;
      this.#arm(watch, word);
      if (word.idleMs >= watch.limitMs) this.#onReached(watch.runId);
    }
  }

  /** The job is to end when nobody has used it for so long; null: it is not. */
  watch(submission: IdleJob, { runId, limitMs }: { runId: string; limitMs: number | null }): void {
    const known = this.#watched.get(submission.id);
    if (known && known.limitMs === limitMs) return;
    known?.cancel?.();
    this.#watched.delete(submission.id);
    if (limitMs === null) return;
    const { instance_id: instanceId } = submission;
    const watch: Watch = { runId, instanceId, limitMs, told: undefined, cancel: undefined };
    this.#watched.set(submission.id, watch);
    const word = this.#wordOf(submission);
    if (word) this.#arm(watch, word);
    else if (instanceId !== null) this.#deps.agents.wake(instanceId);
  }

  /** Whether its host has said that the limit is reached, since it is the limit. */
  hasReached(submission: IdleJob, limitMs: number): boolean {
    const watch = this.#watched.get(submission.id);
    return watch?.limitMs === limitMs && watch.told !== undefined && watch.told.idleMs >= limitMs;
  }

  /** How it is at this moment, seconds; while its host is silent it stands still. */
  seconds(submission: IdleJob): number | undefined {
    const word = this.#wordOf(submission);
    if (!word) return undefined;
    if (word.idleMs === 0) return 0;
    const now = Math.min(this.#deps.clock.steady(), this.#deps.agents.lastSeenAt(word.instanceId) ?? word.at);
    return Math.floor((word.idleMs + Math.max(0, now - word.at)) / 1000);
  }

  close(): void {
    for (const { cancel } of this.#watched.values()) cancel?.();
  }

  #wordOf({ id, instance_id: instanceId }: IdleJob): Word | undefined {
    return this.#words.get(instanceId ?? "")?.get(id);
  }

  #arm(watch: Watch, { instanceId, idleMs }: Word): void {
    watch.cancel?.();
    const leftMs = Math.max(watch.limitMs - idleMs, SHORTEST_MS);
    watch.cancel = this.#deps.clock.after(leftMs, () => {
      watch.cancel = undefined;
      this.#deps.agents.wake(instanceId);
    });
  }
}

interface IdleJob {
  id: string;
  instance_id: string | null;
}
