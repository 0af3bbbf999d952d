import type { JobSpec } from "../../shared/api/jobs.ts";
import type { Clock } from "../../shared/clock.ts";
import type { CapacityEntry } from "../domain/instances/capacityEntry.ts";
import type { RunRow } from "../store/runs.ts";
import type { AgentSessions } from "./agentSessions.ts";
import type { Capacity } from "./capacity.ts";
import { chooseHosts, isFree, type Wanted, whyNowhere } from "./placement.ts";
import { begunAt, type WaitingRun, waitingOrder } from "./waitingOrder.ts";

export interface SchedulerDeps {
  agents: AgentSessions;
  capacity: Capacity;
  clock: Clock;
}

/** Hosts for the jobs of a replica, by rank, or why there are none, in words for people. */
export type Choice = { hosts: CapacityEntry[] } | { message: string };

/** A run of several nodes that has waited this long keeps the hosts that become free, until it has enough. */
export const RESERVE_AFTER_MS = 60_000;

/**
 * Who gets which hosts. One queue of the runs that wait, gone through in order whenever capacity may have become free,
 * at once and in memory, so that nobody who came later is faster: a run whose turn has come is granted its hosts there
 * and then, and its next pass takes them up. Rebuilt from the store at start.
 */
export class Scheduler {
  readonly #deps: SchedulerDeps;
  readonly #waiting = new Map<string, WaitingRun>();
  readonly #granted = new Map<string, CapacityEntry[]>();
  #reserved: { runId: string; hosts: Set<string> } | undefined;
  /** What people were told of the queue, for as long as it stays so. */
  #seen: { positions: Map<string, number>; reasons: Map<string, string> } | undefined;
  #onGrant: ((runId: string) => void) | undefined;

  constructor(deps: SchedulerDeps) {
    this.#deps = deps;
  }

  /** Who is told when a run has been granted hosts; before, nothing is granted. */
  start(onGrant: (runId: string) => void): void {
    this.#onGrant = onGrant;
    this.pump();
  }

  /** Hosts that the jobs may claim now: those granted to the run, else any that are free and kept for nobody. */
  choose(run: RunRow, jobSpecs: readonly JobSpec[]): Choice {
    const granted = this.#takeGrant(run.id);
    if (granted && granted.length === jobSpecs.length) return { hosts: granted };
    for (const { instance } of granted ?? []) this.release(instance.id, run.id);
    const wanted = { run, jobSpecs };
    this.#reserve();
    const hosts = this.#find(wanted);
    if (hosts) return { hosts };
    return { message: whyNowhere(wanted, this.#deps.capacity.list(run.project_id)) };
  }

  /** True when the host is the submission's from now on; `runId` may have been granted it. */
  claim(instanceId: string, submissionId: string, runId: string): boolean {
    const { capacity } = this.#deps;
    this.#seen = undefined;
    if (capacity.get(instanceId)?.occupants.has(runId)) capacity.release(instanceId, runId);
    return capacity.claim(instanceId, submissionId);
  }

  /** The submission (or the run that was granted it) has left the host. */
  release(instanceId: string, occupant: string): void {
    const { capacity } = this.#deps;
    if (!capacity.release(instanceId, occupant)) return;
    capacity.update(instanceId, { status: "idle" });
    this.pump();
  }

  /** The run waits for capacity from now on. Waiting already, it only takes on what has changed. */
  wait(waiting: WaitingRun): void {
    const { id } = waiting.run;
    const isNew = !this.#waiting.has(id);
    this.#waiting.set(id, waiting);
    this.#seen = undefined;
    // Something may have become free since it was looked for.
    if (isNew) this.pump();
  }

  hasGrant(runId: string): boolean {
    return this.#granted.has(runId);
  }

  /** The run does not wait any more; what it was granted and has not taken up goes to others. */
  leave(runId: string): void {
    const isKnown = this.#waiting.delete(runId);
    if (isKnown) this.#seen = undefined;
    const granted = this.#granted.get(runId) ?? [];
    this.#granted.delete(runId);
    for (const { instance } of granted) this.release(instance.id, runId);
    if (isKnown && granted.length === 0 && this.#reserved?.runId === runId) this.pump();
  }

  /** Goes through the queue: something may have become free, or has changed. */
  pump(): void {
    this.#seen = undefined;
    if (this.#waiting.size === 0 || !this.#onGrant) return;
    this.#reserve();
    const failed = new Set<string>();
    for (const waiting of waitingOrder(this.#waiting.values())) {
      const { run } = waiting;
      if (this.#granted.has(run.id)) continue;
      const shape = shapeOf(waiting);
      if (failed.has(shape)) continue;
      const hosts = this.#find(waiting);
      if (!hosts) {
        failed.add(shape);
        continue;
      }
      for (const { instance } of hosts) this.#deps.capacity.claim(instance.id, run.id);
      this.#granted.set(run.id, hosts);
      this.#onGrant(run.id);
    }
  }

  /** Where a run stands in the queue (1: it is next), and what keeps it there; undefined: it does not wait. */
  positionOf(runId: string): { position: number; reason: string } | undefined {
    const own = this.#waiting.get(runId);
    if (!own) return undefined;
    this.#seen ??= {
      positions: new Map(waitingOrder(this.#waiting.values()).map(({ run }, at) => [run.id, at + 1])),
      reasons: new Map(),
    };
    const { positions, reasons } = this.#seen;
    const shape = shapeOf(own);
    const reason = reasons.get(shape) ?? whyNowhere(own, this.#deps.capacity.list(own.run.project_id));
    reasons.set(shape, reason);
    return { position: positions.get(runId) ?? 0, reason };
  }

  #find(wanted: Wanted): CapacityEntry[] | undefined {
    const { agents, capacity } = this.#deps;
    const kept = this.#reserved?.runId === wanted.run.id ? undefined : this.#reserved?.hosts;
    return chooseHosts(wanted, {
      agents,
      entries: capacity.listFree(wanted.run.project_id),
      mayUse: (entry) => isFree(entry) && kept?.has(entry.instance.id) !== true,
    });
  }

  /** Granted hosts that can still be had. */
  #takeGrant(runId: string): CapacityEntry[] | undefined {
    const granted = this.#granted.get(runId);
    this.#granted.delete(runId);
    return granted?.flatMap(({ instance: { id } }) => {
      const entry = this.#deps.capacity.get(id);
      const isGood = entry?.instance.status === "idle" && !entry.instance.unreachable;
      if (isGood && entry.occupants.has(runId)) return [entry];
      this.release(id, runId);
      return [];
    });
  }

  /**
   * Keeps hosts for the first run of several nodes that has waited for long, so that smaller ones do not pass it for
   * ever: all that are free and fit, in the fleet where there are enough that would.
   */
  #reserve(): void {
    this.#reserved = undefined;
    const { agents, capacity, clock } = this.#deps;
    const since = clock.now() - RESERVE_AFTER_MS;
    for (const waiting of waitingOrder(this.#large())) {
      const { run, jobSpecs } = waiting;
      if (this.#granted.has(run.id) || begunAt(run) > since) continue;
      const entries = capacity.list(run.project_id);
      const hosts = chooseHosts(waiting, { agents, entries, mayUse: () => true });
      const [first] = hosts ?? [];
      if (!first) continue;
      const free = entries.filter(
        (entry) =>
          isFree(entry) &&
          entry.instance.fleet_id === first.instance.fleet_id &&
          jobSpecs.some((spec) =>
            chooseHosts({ run, jobSpecs: [spec] }, { agents, entries: [entry], mayUse: isFree }),
          ),
      );
      this.#reserved = { runId: run.id, hosts: new Set(free.map(({ instance }) => instance.id)) };
      return;
    }
  }

  #large(): WaitingRun[] {
    return [...this.#waiting.values()].filter(({ jobSpecs }) => jobSpecs.length > 1);
  }
}

const shapes = new WeakMap<WaitingRun, string>();

/** Runs of the same shape fit the same hosts: when one of them finds none, the others need not look. */
const shapeOf = (waiting: WaitingRun): string => {
  const known = shapes.get(waiting);
  if (known !== undefined) return known;
  const { run, jobSpecs } = waiting;
  const { configuration, profile } = run.spec;
  const shape = JSON.stringify([
    run.project_id,
    jobSpecs.map((spec) => spec.requirements),
    configuration.image,
    configuration.docker,
    ...(["backends", "regions", "availability_zones", "instance_types", "fleets", "instances"] as const).map(
      (key) => configuration[key] ?? profile?.[key],
    ),
  ]);
  shapes.set(waiting, shape);
  return shape;
};
