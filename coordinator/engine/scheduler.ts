import type { JobSpec } from "../../shared/api/jobs.ts";
import type { Clock } from "../../shared/clock.ts";
import type { HostShare } from "../../shared/resources/blocks.ts";
import type { CapacityEntry } from "../domain/instances/capacityEntry.ts";
import { whyClosed } from "../domain/instances/closed.ts";
import { totalBlocksOf } from "../domain/instances/division.ts";
import { allot, isUp } from "../domain/instances/occupancy.ts";
import { type Candidate, canBegin } from "../domain/offers/candidates.ts";
import type { RunRow } from "../store/runs.ts";
import type { AgentSessions } from "./agentSessions.ts";
import type { Capacity } from "./capacity.ts";
import { chooseFreeHost, chooseHosts, whyNowhere } from "./placement.ts";
import { begunAt, byAge, isBefore, type WaitingRun, waitingOrder } from "./waitingOrder.ts";

export interface SchedulerDeps {
  agents: AgentSessions;
  capacity: Capacity;
  clock: Clock;
}

/** A host for a job, and which part of it. */
export interface Place {
  entry: CapacityEntry;
  share: HostShare;
}

/** Places for the jobs of a replica, by rank, or why there are none, in words for people. */
export type Choice = { places: Place[] } | { message: string };

/** A run of several nodes or blocks that has waited this long keeps what becomes free, until it has enough. */
export const RESERVE_AFTER_MS = 60_000;

/** Hosts that are kept for a run: nobody behind it in the queue may use them. */
interface Reservation {
  by: WaitingRun;
  hosts: ReadonlySet<string>;
}

/**
 * Who gets which hosts. One queue of the runs that wait, gone through in order whenever capacity may have become free,
 * at once and in memory, so that nobody who came later is faster: a run whose turn has come is granted its hosts there
 * and then, and its next pass takes them up. Rebuilt from the store at start.
 */
export class Scheduler {
  readonly #deps: SchedulerDeps;
  readonly #waiting = new Map<string, WaitingRun>();
  readonly #granted = new Map<string, Place[]>();
  /** By project: one at a time, so that not everything is kept for somebody. */
  #reserved: ReadonlyMap<string, Reservation> = new Map();
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

  /** What the jobs may claim now: what was granted to the run, else anything that is free and kept for nobody. */
  choose(run: RunRow, jobSpecs: readonly JobSpec[]): Choice {
    const granted = this.#takeGrant(run);
    if (granted && granted.length === jobSpecs.length) return { places: granted };
    for (const { entry } of granted ?? []) this.release(entry.instance.id, run.id);
    const wanted = { run, jobSpecs };
    this.#reserved = this.#reserve();
    const places = this.#find(wanted);
    if (places) return { places };
    return { message: this.#whyNowhere(wanted) };
  }

  /** True when the place is the submission's from now on; `runId` may have been granted it. */
  claim({ entry, share }: Place, submissionId: string, runId: string): boolean {
    const { capacity } = this.#deps;
    const { id } = entry.instance;
    this.#seen = undefined;
    capacity.release(id, runId);
    return capacity.claim(id, submissionId, share);
  }

  /** The submission (or the run that was granted it) has left the host. */
  release(instanceId: string, occupant: string): void {
    const { capacity } = this.#deps;
    if (!capacity.release(instanceId, occupant)) return;
    const left = capacity.get(instanceId);
    if (left?.instance.status === "busy" && left.occupants.size === 0)
      capacity.update(instanceId, { status: "idle" });
    this.pump();
  }

  /** The submission has this part of its host, and no more: it held all of it until it was known what there is. */
  settle(instanceId: string, submissionId: string, share: HostShare): void {
    this.#deps.capacity.restore(instanceId, submissionId, share);
    this.pump();
  }

  /** The run waits for capacity from now on. Waiting already, it only takes on what has changed. */
  wait(waiting: WaitingRun): void {
    const { id, priority } = waiting.run;
    const before = this.#waiting.get(id)?.run;
    this.#waiting.set(id, waiting);
    this.#seen = undefined;
    // Something may have become free since it was looked for; the others are where they were.
    if (!before) this.#serve([waiting]);
    // What is kept for others may be kept for some that come later now.
    else if (before.priority !== priority) this.pump();
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
    for (const { entry } of granted) this.release(entry.instance.id, runId);
    if (isKnown && granted.length === 0 && [...this.#reserved.values()].some(({ by }) => by.run.id === runId))
      this.pump();
  }

  /** Goes through the queue: something may have become free, or has changed. */
  pump(): void {
    this.#seen = undefined;
    if (this.#waiting.size > 0) this.#serve(waitingOrder(this.#waiting.values()));
  }

  /** Grants hosts to those of these that can have some, in their order. */
  #serve(queue: readonly WaitingRun[]): void {
    const { capacity } = this.#deps;
    if (!this.#onGrant || !capacity.hasFree) return;
    this.#reserved = this.#reserve();
    const failed = new Set<string>();
    for (const waiting of queue) {
      const { run } = waiting;
      if (this.#granted.has(run.id)) continue;
      const shape = shapeOf(waiting);
      const places = failed.has(shape) ? undefined : this.#find(waiting);
      if (!places) {
        failed.add(shape);
        continue;
      }
      for (const { entry, share } of places) capacity.claim(entry.instance.id, run.id, share);
      this.#granted.set(run.id, places);
      this.#onGrant(run.id);
      if (!capacity.hasFree) return;
      // Who comes before may have taken what was to be kept, and whom it was kept for needs it no more.
      const isOvertaken = [...this.#reserved.values()].some(
        ({ by, hosts }) =>
          !isBefore(by, waiting) &&
          (by.run.project_id === run.project_id || places.some((one) => hosts.has(one.entry.instance.id))),
      );
      if (isOvertaken) this.#reserved = this.#reserve();
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
    const reason = reasons.get(shape) ?? this.#whyNowhere(own);
    reasons.set(shape, reason);
    return { position: positions.get(runId) ?? 0, reason };
  }

  #find(wanted: WaitingRun): Place[] | undefined {
    const { agents, capacity } = this.#deps;
    // Of any project: hosts may be shared.
    const kept = [...this.#reserved.values()].filter(({ by }) => isBefore(by, wanted));
    const { project_id: projectId } = wanted.run;
    const viewer = capacity.sharing.viewer(projectId);
    const mayUse = (candidate: Candidate) =>
      canBegin(candidate) && !kept.some(({ hosts }) => hosts.has(candidate.entry.instance.id));
    const chosen =
      wanted.jobSpecs.length === 1
        ? chooseFreeHost(wanted, { agents, groups: capacity.listKinds(projectId), mayUse, viewer })
        : chooseHosts(wanted, { entries: capacity.listFree(projectId), mayUse, viewer });
    return chosen?.map(({ entry, ...part }) => {
      const share = allot(entry, part);
      if (!share) throw new Error(`Instance ${entry.instance.name} has no room where it was just found`);
      return { entry, share };
    });
  }

  #whyNowhere(wanted: WaitingRun): string {
    const { capacity } = this.#deps;
    const { project_id: projectId } = wanted.run;
    return whyNowhere(wanted, capacity.listUsable(projectId), capacity.sharing.viewer(projectId));
  }

  /** Granted places that can still be had. */
  #takeGrant({ id: runId, project_id: projectId }: RunRow): Place[] | undefined {
    const { capacity } = this.#deps;
    const granted = this.#granted.get(runId);
    this.#granted.delete(runId);
    return granted?.flatMap(({ entry: { instance }, share }) => {
      const entry = capacity.get(instance.id);
      const isGood =
        entry &&
        capacity.sharing.mayUse(projectId, entry.instance) &&
        isUp(entry) &&
        !whyClosed(entry.instance) &&
        totalBlocksOf(entry.instance) === share.total;
      if (isGood && entry.occupants.get(runId) === share) return [{ entry, share }];
      this.release(instance.id, runId);
      return [];
    });
  }

  /**
   * Keeps hosts for the oldest run of several nodes, or of several blocks, once it has waited for long, so that those
   * behind it in the queue do not pass it for ever: in one fleet as many as it needs, those that are free first.
   */
  #reserve(): ReadonlyMap<string, Reservation> {
    const { capacity, clock } = this.#deps;
    const since = clock.now() - RESERVE_AFTER_MS;
    const areDivided = new Map<string, boolean>();
    const mayBeLarge = ({ run: { project_id: projectId }, jobSpecs }: WaitingRun): boolean => {
      const known = areDivided.get(projectId) ?? capacity.listUsable(projectId).some(isDivided);
      areDivided.set(projectId, known);
      return jobSpecs.length > 1 || known;
    };
    const old = [...this.#waiting.values()].filter(
      (waiting) => begunAt(waiting.run) <= since && !this.#granted.has(waiting.run.id) && mayBeLarge(waiting),
    );
    const reserved = new Map<string, Reservation>();
    const seen = new Set<string>();
    for (const waiting of byAge(old)) {
      const { project_id: projectId } = waiting.run;
      const shape = shapeOf(waiting);
      if (reserved.has(projectId) || seen.has(shape)) continue;
      seen.add(shape);
      const entries = capacity.listUsable(projectId);
      const viewer = capacity.sharing.viewer(projectId);
      const hosts = chooseHosts(waiting, { entries, viewer, mayUse: () => true }) ?? [];
      if (hosts.length < 2 && !hosts.some(({ blocks }) => blocks > 1)) continue;
      reserved.set(projectId, {
        by: waiting,
        hosts: new Set(hosts.map(({ entry }) => entry.instance.id)),
      });
    }
    return reserved;
  }
}

const isDivided = ({ instance }: CapacityEntry): boolean => instance.blocks !== 1;

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
