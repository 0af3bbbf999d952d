import type { Clock } from "../../shared/clock.ts";
import type { Logger } from "../../shared/log.ts";
import type { Db } from "../store/db.ts";
import { patchInstance } from "../store/instances.ts";
import type { AgentSessions } from "./agentSessions.ts";
import type { Capacity } from "./capacity.ts";
import type { Engine } from "./engine.ts";
import { LEASE_TTL_MS } from "./engineDeps.ts";

/** How often the silence of all hosts is looked at: in memory, so a look costs next to nothing. */
const SWEEP_MS = LEASE_TTL_MS / 6;

interface ReachabilityDeps {
  db: Db;
  clock: Clock;
  log: Logger;
  agents: AgentSessions;
  capacity: Capacity;
  engine: Pick<Engine, "noteReachable">;
}

/**
 * Marks hosts that have been silent for a whole lease as `unreachable`, and those that speak again as reachable.
 * Their jobs stay as they are: a job belongs to its host (docs/adr/0001-agents-pull.md), but no new one goes there.
 */
export class Reachability {
  readonly #deps: ReachabilityDeps;
  /** Hosts have a whole lease from here on: what they said before the restart is not remembered. */
  readonly #startedAt: number;
  #cancel: () => void;

  constructor(deps: ReachabilityDeps) {
    this.#deps = deps;
    this.#startedAt = deps.clock.steady();
    this.#cancel = deps.clock.after(SWEEP_MS, () => this.#sweep());
  }

  close(): void {
    this.#cancel();
  }

  /** The host has just spoken. */
  async heard(instanceId: string): Promise<void> {
    if (this.#deps.capacity.get(instanceId)?.instance.unreachable) await this.#mark(instanceId, false);
  }

  #sweep(): void {
    const { agents, capacity, clock, log } = this.#deps;
    this.#cancel = clock.after(SWEEP_MS, () => this.#sweep());
    const silentSince = clock.steady() - LEASE_TTL_MS;
    for (const { instance } of capacity.listAll()) {
      const lastSeenAt = agents.lastSeenAt(instance.id) ?? this.#startedAt;
      if (instance.unreachable || lastSeenAt > silentSince) continue;
      this.#mark(instance.id, true).catch((err: unknown) =>
        log.error("A silent host could not be marked as unreachable", { instance_id: instance.id, err }),
      );
    }
  }

  async #mark(instanceId: string, unreachable: boolean): Promise<void> {
    const { db, capacity, log, engine } = this.#deps;
    await patchInstance(db, instanceId, { unreachable });
    capacity.update(instanceId, { unreachable });
    await engine.noteReachable(instanceId, !unreachable);
    log[unreachable ? "warn" : "info"](unreachable ? "A host is silent" : "A host is back", {
      instance_id: instanceId,
      name: capacity.get(instanceId)?.instance.name,
    });
  }
}
