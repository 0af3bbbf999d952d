import { KeyedQueue } from "../../shared/async/keyedQueue.ts";
import type { Clock } from "../../shared/clock.ts";
import type { Logger } from "../../shared/log.ts";
import { isFinalJob } from "../../shared/states.ts";
import { instanceReachable } from "../domain/events/instanceEvents.ts";
import { jobReachable } from "../domain/events/jobEvents.ts";
import { type Db, writeAll } from "../store/db.ts";
import type { TellEvents } from "../store/events.ts";
import { patchInstance } from "../store/instances.ts";
import { listRunsByIds } from "../store/runLists.ts";
import { listHeldSubmissions } from "../store/submissions.ts";
import type { AgentSessions } from "./agentSessions.ts";
import type { Capacity } from "./capacity.ts";
import type { Engine } from "./engine.ts";
import type { Patience } from "./engineDeps.ts";

/** How often the silence of all hosts is looked at, in each lease: in memory, so a look costs next to nothing. */
const SWEEPS = 6;

interface ReachabilityDeps {
  db: Db;
  tell: TellEvents;
  clock: Clock;
  patience: Patience;
  log: Logger;
  agents: AgentSessions;
  capacity: Capacity;
  engine: Pick<Engine, "noteReachable">;
}

/**
 * Marks hosts that have been silent for a whole lease as `unreachable`, and those that speak again as reachable.
 * Their jobs stay as they are: a job belongs to its host (docs/adr/0001-agents-pull-by-long-poll.md), but no new one goes there.
 */
export class Reachability {
  readonly #deps: ReachabilityDeps;
  /** Hosts have a whole lease from here on: what they said before the restart is not remembered. */
  readonly #startedAt: number;
  readonly #queue = new KeyedQueue();
  readonly #beingMarked = new Set<string>();
  #cancel: () => void;

  constructor(deps: ReachabilityDeps) {
    this.#deps = deps;
    this.#startedAt = deps.clock.steady();
    this.#cancel = deps.clock.after(deps.patience.leaseTtlMs / SWEEPS, () => this.#sweep());
  }

  close(): void {
    this.#cancel();
  }

  /** The host has just spoken, maybe while it is being marked as silent. */
  async heard(instanceId: string): Promise<void> {
    const isMarked = this.#deps.capacity.get(instanceId)?.instance.unreachable === true;
    if (isMarked || this.#beingMarked.has(instanceId)) await this.#mark(instanceId, false);
  }

  #sweep(): void {
    const { capacity, clock, log, patience } = this.#deps;
    this.#cancel = clock.after(patience.leaseTtlMs / SWEEPS, () => this.#sweep());
    const silentSince = clock.steady() - patience.leaseTtlMs;
    for (const { instance } of capacity.listAll()) {
      const lastSeenAt = this.#seenAt(instance.id);
      // One that is still to come has never spoken.
      const isThere = instance.status === "idle" || instance.status === "busy";
      if (!isThere || instance.unreachable) continue;
      if (lastSeenAt > silentSince || this.#beingMarked.has(instance.id)) continue;
      this.#beingMarked.add(instance.id);
      this.#mark(instance.id, true)
        .catch((err: unknown) =>
          log.error("A silent host could not be marked as unreachable", { instance_id: instance.id, err }),
        )
        .finally(() => this.#beingMarked.delete(instance.id));
    }
  }

  #seenAt(instanceId: string): number {
    const { agents } = this.#deps;
    return agents.lastSeenAt(instanceId) ?? Math.max(agents.heardAt(instanceId), this.#startedAt);
  }

  /** One after another, for each host, so that what was said last holds, and nothing is told twice. */
  #mark(instanceId: string, unreachable: boolean): Promise<void> {
    return this.#queue.run(instanceId, async () => {
      const isNews = this.#deps.capacity.get(instanceId)?.instance.unreachable === !unreachable;
      if (isNews) await this.#markNow(instanceId, unreachable);
    });
  }

  async #markNow(instanceId: string, unreachable: boolean): Promise<void> {
    const { db, capacity, clock, log, engine, tell } = this.#deps;
    const held = await listHeldSubmissions(db, instanceId);
    const jobs = held.filter((job) => !isFinalJob(job.status));
    const runs = await listRunsByIds(db, [...new Set(jobs.map((job) => job.run_id))]);
    const instance = capacity.get(instanceId)?.instance;
    // When it was heard last is known by a clock that means nothing after a restart: the age of that, by ours.
    const silentMs = clock.steady() - this.#seenAt(instanceId);
    const patch = { unreachable, unreachable_since: unreachable ? Math.round(clock.now() - silentMs) : null };
    const told = instance && [
      instanceReachable(instance, !unreachable),
      ...jobs.flatMap((job) => {
        const run = runs.find(({ id }) => id === job.run_id);
        return run ? [jobReachable({ ...job, project_id: run.project_id }, !unreachable)] : [];
      }),
    ];
    await writeAll(db, [patchInstance(db, instanceId, patch), ...tell(told ?? [])]);
    capacity.update(instanceId, patch);
    await engine.noteReachable(instanceId, !unreachable);
    log[unreachable ? "warn" : "info"](unreachable ? "A host is silent" : "A host is back", {
      instance_id: instanceId,
      name: capacity.get(instanceId)?.instance.name,
    });
  }
}
