import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { AgentSessions } from "../engine/agentSessions.ts";
import { Capacity } from "../engine/capacity.ts";
import { type Place, RESERVE_AFTER_MS, Scheduler } from "../engine/scheduler.ts";
import { isBefore, type WaitingRun } from "../engine/waitingOrder.ts";
import { anInstance } from "./anInstance.ts";
import { aWaitingRun } from "./aWaitingRun.ts";

export interface HostPlan {
  fleet: number;
  cpus: number;
}

export interface RunPlan {
  nodes: number;
  /** Each node's. */
  cpu: number;
  priority: number;
}

interface Model extends RunPlan {
  waiting: WaitingRun;
}

const MEMORY = { memory: "1GB..", disk: null };

/**
 * The scheduler with hosts and runs as the engine uses it, and beside it the rules once more, in the plainest way: what
 * breaks one of them is in `broken`.
 */
export class QueueModel {
  readonly clock = new FakeClock();
  readonly capacity = new Capacity();
  readonly scheduler: Scheduler;
  readonly broken: string[] = [];
  readonly waiting = new Map<string, Model>();
  readonly running = new Map<string, Place[]>();
  readonly #hosts: (HostPlan & { id: string })[];
  readonly #granted: string[] = [];
  #count = 0;

  constructor(hosts: readonly HostPlan[]) {
    const { capacity, clock } = this;
    this.scheduler = new Scheduler({ agents: new AgentSessions(clock), capacity, clock });
    this.#hosts = hosts.map((host, num) => ({ ...host, id: `host-${num}` }));
    for (const { id, fleet, cpus } of this.#hosts)
      capacity.set(anInstance({ id, name: id, fleet_id: `fleet-${fleet}` }, { cpus }), `fleet-${fleet}`);
    this.scheduler.start((runId) => this.#granted.push(runId));
  }

  /** As the engine: what finds no host at once waits. Answers the run's name. */
  submit(plan: RunPlan): string {
    const name = `run-${String(this.#count++).padStart(4, "0")}`;
    const { nodes, priority, cpu } = plan;
    const more = { nodes, priority, resources: { ...MEMORY, cpu: `${cpu}..` } };
    const waiting = aWaitingRun(name, { at: this.clock.now(), ...more });
    const model = { ...plan, waiting };
    this.#placing(model, () => {
      if (!this.#begin(model)) {
        this.waiting.set(name, model);
        this.scheduler.wait(waiting);
      }
    });
    return name;
  }

  /** A run ends, and leaves its hosts one after another. */
  end(name: string): void {
    const places = this.running.get(name) ?? [];
    this.running.delete(name);
    for (const [rank, { entry }] of places.entries()) {
      this.scheduler.release(entry.instance.id, `${name}/${rank}`);
      this.#takeUp();
    }
  }

  /** A run that waits is stopped. */
  stop(name: string): void {
    this.waiting.delete(name);
    this.scheduler.leave(name);
    this.#takeUp();
  }

  /** A run that waits gets another priority. */
  raise(name: string, priority: number): void {
    const model = this.waiting.get(name);
    if (!model) return;
    const { run, jobSpecs } = model.waiting;
    model.waiting = { run: { ...run, priority }, jobSpecs };
    this.scheduler.wait(model.waiting);
    this.#takeUp();
  }

  setReachable(nth: number, isReachable: boolean): void {
    const host = this.#hosts[nth % this.#hosts.length];
    if (!host) return;
    this.capacity.update(host.id, { unreachable: !isReachable });
    this.scheduler.pump();
    this.#takeUp();
  }

  isUnreachable(nth: number): boolean {
    const host = this.#hosts[nth % this.#hosts.length];
    return this.capacity.get(host?.id ?? "")?.instance.unreachable === true;
  }

  /** Whoever waits although there is room that nobody older needs. */
  check(): void {
    const kept = this.#reserved();
    for (const model of this.waiting.values()) {
      const isBehind = kept !== undefined && isBefore(kept.by.waiting, model.waiting);
      const free = this.#free().filter((host) => !(isBehind && kept.hosts.has(host.id)));
      if (bestOf(this.#fleetsOf(free), model) >= model.nodes)
        this.broken.push(`${nameOf(model)} waits, and there is room`);
    }
  }

  #takeUp(): void {
    for (let name = this.#granted.shift(); name !== undefined; name = this.#granted.shift()) {
      const model = this.waiting.get(name);
      if (!model) continue;
      if (!this.#begin(model)) this.broken.push(`${name} was granted hosts, and did not get them`);
    }
  }

  #begin(model: Model): boolean {
    const { waiting, nodes, cpu } = model;
    const { run } = waiting;
    const choice = this.scheduler.choose(run, waiting.jobSpecs);
    if ("message" in choice) return false;
    const { places } = choice;
    const hosts = this.#hosts.filter(({ id }) => places.some(({ entry }) => entry.instance.id === id));
    if (places.length !== nodes || hosts.length !== nodes)
      this.broken.push(`${run.name} got ${places.length} places on ${hosts.length} hosts for ${nodes} nodes`);
    if (new Set(hosts.map(({ fleet }) => fleet)).size > 1)
      this.broken.push(`${run.name} is in several fleets`);
    if (hosts.some(({ cpus }) => cpus < cpu)) this.broken.push(`${run.name} is where it does not fit`);
    for (const [rank, place] of places.entries())
      if (!this.scheduler.claim(place, `${run.name}/${rank}`, run.id))
        this.broken.push(`${run.name} cannot claim its place`);
    this.waiting.delete(run.name);
    this.running.set(run.name, places);
    for (const other of this.waiting.values()) {
      const usable = hosts.filter(({ cpus }) => cpus >= other.cpu).length;
      const isPassed = isBefore(other.waiting, waiting) && !this.scheduler.hasGrant(nameOf(other));
      if (isPassed && usable >= other.nodes) this.broken.push(`${run.name} passed ${nameOf(other)}`);
    }
    this.scheduler.leave(run.id);
    return true;
  }

  /** Nobody who comes later makes the one that hosts are kept for wait longer. */
  #placing(model: Model, place: () => void): void {
    const kept = this.#reserved();
    const isBehind = kept !== undefined && isBefore(kept.by.waiting, model.waiting);
    const before = kept ? bestOf(this.#fleetsOf(this.#free()), kept.by) : 0;
    place();
    if (isBehind && bestOf(this.#fleetsOf(this.#free()), kept.by) < before)
      this.broken.push(`${nameOf(model)} delays ${nameOf(kept.by)}`);
    this.#takeUp();
  }

  #free(): (HostPlan & { id: string })[] {
    return this.#hosts.filter(({ id }) => {
      const entry = this.capacity.get(id);
      return entry?.occupants.size === 0 && !entry.instance.unreachable;
    });
  }

  #fleetsOf(free: readonly (HostPlan & { id: string })[]) {
    return Map.groupBy(this.#hosts, ({ fleet }) => fleet)
      .values()
      .map((hosts) => ({
        all: hosts.filter(({ id }) => this.capacity.get(id)?.instance.unreachable === false),
        free: hosts.filter((host) => free.includes(host)),
      }))
      .toArray();
  }

  /** The oldest gang that has waited for long and could run at all, and the free hosts that may be kept for it. */
  #reserved(): { by: Model; hosts: Set<string> } | undefined {
    const since = this.clock.now() - RESERVE_AFTER_MS;
    const fleets = this.#fleetsOf(this.#free());
    const by = [...this.waiting.values()]
      .filter(({ nodes, waiting }) => nodes > 1 && waiting.run.submitted_at <= since)
      .filter((model) => fleets.some(({ all }) => fitting(all, model).length >= model.nodes))
      .sort(
        (a, b) => a.waiting.run.submitted_at - b.waiting.run.submitted_at || (nameOf(a) < nameOf(b) ? -1 : 1),
      )
      .at(0);
    if (!by) return undefined;
    const best = bestOf(fleets, by);
    const hosts = fleets
      .filter(({ all }) => fitting(all, by).length >= by.nodes)
      .map(({ free }) => fitting(free, by))
      .filter((free) => free.length === best)
      .flat();
    return { by, hosts: new Set(hosts.map(({ id }) => id)) };
  }
}

const nameOf = ({ waiting }: Model): string => waiting.run.name;

const fitting = <H extends HostPlan>(hosts: readonly H[], { cpu }: RunPlan): H[] =>
  hosts.filter(({ cpus }) => cpus >= cpu);

/** How many hosts that fit are free in the fleet where most are, of those that have enough hosts at all. */
const bestOf = (fleets: readonly { all: HostPlan[]; free: HostPlan[] }[], plan: RunPlan): number =>
  Math.max(
    0,
    ...fleets
      .filter(({ all }) => fitting(all, plan).length >= plan.nodes)
      .map(({ free }) => fitting(free, plan).length),
  );
