import { KeyedQueue } from "../../shared/async/keyedQueue.ts";
import type { Clock } from "../../shared/clock.ts";
import { AppError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { fleetGaveUp, fleetMoved, instanceMade, type MadeFor } from "../domain/events/instanceEvents.ts";
import type { Backend } from "../domain/fleets/backend.ts";
import { decideFleet, type FleetMove, MOST_ATTEMPTS } from "../domain/fleets/decideFleet.ts";
import { fleetIdleDurationS } from "../domain/fleets/fleetOffers.ts";
import { mayMake, type Newcomers } from "../domain/fleets/runFleets.ts";
import { hostKeyOf, type SealedHost } from "../domain/fleets/sshSpec.ts";
import { type InstanceEvent, UNREACHABLE_MS } from "../domain/instances/madeInstanceRules.ts";
import { newMadeRow } from "../domain/instances/madeRow.ts";
import { newSshRow } from "../domain/instances/sshRow.ts";
import type { Db, Statement } from "../store/db.ts";
import type { NewEvent, TellEvents } from "../store/events.ts";
import { type FleetRow, findFleet, listLiveFleets, moveFleet, patchFleet } from "../store/fleets.ts";
import { listInstancesOfFleets } from "../store/instanceLists.ts";
import {
  findInstance,
  type InstancePatch,
  type InstanceRow,
  insertInstance,
  lastInstanceNum,
} from "../store/instances.ts";
import type { MadeOffer } from "../store/madeInstance.ts";
import type { RunRow } from "../store/runs.ts";
import { insertSshHost } from "../store/sshHosts.ts";
import { listInstancesWithOutput, type SubmissionRow } from "../store/submissions.ts";
import type { CoordinatorTrust } from "../tls/tls.ts";
import type { AgentSessions } from "./agentSessions.ts";
import type { Capacity } from "./capacity.ts";
import { type Changes, commit, merge } from "./changes.ts";
import type { Engine } from "./engine.ts";
import { changeInstance, type InstanceChangeDeps } from "./fleetChanges.ts";
import { stateOfFleet } from "./fleetState.ts";
import type { HostKeeper } from "./hostKeeper.ts";
import { InstanceMaker } from "./instanceMaker.ts";
import { type InstancesForRunsDeps, listOffersFor, makeForRun } from "./instancesForRuns.ts";
import type { Scheduler } from "./scheduler.ts";
import { type Removal, takeOut, withoutOutput } from "./takeOut.ts";
import { WakeTimers } from "./wakeTimers.ts";

export interface FleetKeeperDeps {
  db: Db;
  tell: TellEvents;
  clock: Clock;
  log: Logger;
  capacity: Capacity;
  scheduler: Scheduler;
  agents: AgentSessions;
  engine: Pick<Engine, "addInstance" | "wakeRunsOn" | "updateInstance">;
  backends: readonly Backend[];
  /** Where made instances find the coordinator. */
  url: () => string;
  trust?: () => CoordinatorTrust;
  hosts: Pick<HostKeeper, "take" | "drop">;
}

/** Why hosts come in, and what else is said with that. */
interface Coming extends Partial<Pick<Changes, "statements" | "events">> {
  origin: MadeFor;
  actorId: string;
}

/** How often is asked after made instances that are not heard of. */
const LOOK_MS = 15_000;

/** How long after a pass that failed the fleet is looked at again. */
const PASS_RETRY_MS = 5_000;

/**
 * Brings fleets to what their policies want, and keeps them there. What is to be done with each made instance follows
 * from its status in the store, so that a crash loses nothing: `pending` ones are made, `terminating` ones ended.
 */
export class FleetKeeper {
  readonly #deps: FleetKeeperDeps;
  readonly #queue = new KeyedQueue();
  readonly #timers: WakeTimers;
  readonly #maker: InstanceMaker;
  readonly #changing: InstanceChangeDeps & { scheduler: Scheduler };
  readonly #forRuns: InstancesForRunsDeps;

  constructor(deps: FleetKeeperDeps) {
    this.#deps = deps;
    this.#timers = new WakeTimers(deps.clock, (fleetId) => this.wake(fleetId));
    this.#maker = new InstanceMaker({
      ...deps,
      tell: (instance, event) => this.#tell(instance, event),
      wake: (fleetId) => this.wake(fleetId),
    });
    this.#changing = { ...deps, isTalkedAbout: (id) => this.#maker.isTalkedAbout(id) };
    this.#forRuns = {
      ...deps,
      listOffers: () => this.listOffers(),
      withFleet: (fleetId, work) => this.withFleet(fleetId, work),
    };
  }

  get hasBackend(): boolean {
    return this.#deps.backends.length > 0;
  }

  listOffers(): Promise<MadeOffer[]> {
    return this.#maker.listOffers();
  }

  /** Could instances be made for the run, if a backend has some? */
  mayMakeFor({ spec }: RunRow): boolean {
    return this.hasBackend && mayMake(spec);
  }

  /** What instances could be made as for a job of such a run, the cheapest first. */
  async listOffersFor(projectId: string, newcomers: Omit<Newcomers, "viewer">): Promise<MadeOffer[]> {
    return this.hasBackend ? await listOffersFor(this.#forRuns, projectId, newcomers) : [];
  }

  /** Has an instance made for each job of a replica, which is placed there before it is; false: no fleet can. */
  async makeFor(run: RunRow, submissions: readonly SubmissionRow[]): Promise<boolean> {
    return this.mayMakeFor(run) && (await makeForRun(this.#forRuns, run, submissions));
  }

  /** Takes every fleet up where it was left. */
  async start(): Promise<void> {
    this.#maker.open();
    for (const fleet of await listLiveFleets(this.#deps.db)) await this.#pass(fleet.id);
  }

  async close(): Promise<void> {
    this.#timers.close();
    await this.#maker.close();
    await this.#queue.idle();
  }

  /** Something about the fleet has changed. */
  wake(fleetId: string): void {
    void this.#pass(fleetId);
  }

  /** Does work on a fleet between its passes, and passes it afterwards: nothing else happens to it meanwhile. */
  async withFleet<T>(fleetId: string, work: () => Promise<T>): Promise<T> {
    const result = await this.#queue.run(fleetId, work);
    await this.#pass(fleetId);
    return result;
  }

  /** Makes instances that are not yet there; within `withFleet`. */
  async make(fleet: FleetRow, count: number, actorId?: string): Promise<void> {
    const making = await this.#making(fleet, count, { origin: "fleet creation", actorId });
    if (count > 0) await this.#apply(making);
  }

  /** Has hosts brought in by SSH, in one transaction with what else is said; within `withFleet`. */
  async bringIn(fleet: FleetRow, hosts: readonly SealedHost[], how: Coming): Promise<void> {
    await this.#apply(await this.#coming(fleet, hosts, how));
  }

  /**
   * Takes instances out and has hosts brought in in their place, in one transaction; within `withFleet`. In two, a crash
   * in between would lose a host, and the key that opens it.
   */
  async exchange(
    fleet: FleetRow,
    { leaving, coming }: { leaving: readonly InstanceRow[]; coming: readonly SealedHost[] },
    { inUse, ...how }: Coming & Pick<Removal, "inUse">,
  ): Promise<void> {
    const also = await this.#coming(fleet, coming, how);
    await this.remove(fleet, leaving, { isWhole: false, actorId: how.actorId, inUse, also });
  }

  async #coming(
    fleet: FleetRow,
    hosts: readonly SealedHost[],
    { origin, actorId, ...also }: Coming,
  ): Promise<Changes> {
    const { db, clock, engine, hosts: keeper } = this.#deps;
    const first = (await lastInstanceNum(db, fleet.id)) + 1;
    const rows = hosts.map((host, at) => newSshRow(fleet, first + at, { host, now: clock.now() }));
    return {
      statements: [...(also.statements ?? []), ...rows.flatMap((row, at) => insertHost(db, row, hosts[at]))],
      events: [...(also.events ?? []), ...rows.map((row) => instanceMade(row, origin, actorId))],
      effects: rows.flatMap((row) => [() => engine.addInstance(row, fleet.name), () => keeper.take(row.id)]),
    };
  }

  /** Takes instances out for good, or the whole fleet with them; within `withFleet`. */
  remove(fleet: FleetRow, rows: readonly InstanceRow[], how: Omit<Removal, "rows">): Promise<void> {
    return takeOut(this.#changing, fleet, { ...how, rows });
  }

  async #tell(instance: InstanceRow, event: InstanceEvent): Promise<void> {
    await this.withFleet(instance.fleet_id, async () => {
      const [fleet, row] = await Promise.all([
        findFleet(this.#deps.db, instance.fleet_id),
        findInstance(this.#deps.db, instance.id),
      ]);
      if (!fleet || !row) return;
      const siblings = await this.#alsoFailed(fleet, row, event);
      const lost = event.kind === "ended" ? [await withoutOutput(this.#deps.db, row)] : [];
      await this.#apply(merge([this.#change(row, event), ...siblings, ...lost]));
    });
  }

  /** A cluster that need not be there at all is given up with its master (docs/spec/lifecycle.md §1.6). */
  async #alsoFailed(fleet: FleetRow, row: InstanceRow, event: InstanceEvent): Promise<Changes[]> {
    const isGivenUp = event.kind === "no_offers" && fleet.spec.configuration.nodes?.min === 0;
    if (!isGivenUp || fleet.master_id !== row.id) return [];
    const rows = await listInstancesOfFleets(this.#deps.db, [fleet.id]);
    return rows
      .filter(({ id, status }) => id !== row.id && status === "pending")
      .map((sibling) => this.#change(sibling, { kind: "master_failed" }));
  }

  /** The agent of a made instance has enrolled: `patch` is what is known of its host. */
  admit(row: InstanceRow, patch: InstancePatch): Promise<void> {
    return this.withFleet(row.fleet_id, async () => {
      const current = await findInstance(this.#deps.db, row.id);
      const hasJobs = (this.#deps.capacity.get(row.id)?.occupants.size ?? 0) > 0;
      const changes = current && this.#change(current, { kind: "joined", hasJobs }, patch);
      if (!changes || changes.statements.length === 0)
        throw new AppError("unauthenticated", "The instance of this join token is not waited for any more");
      this.#deps.agents.joined(row.id);
      await this.#apply(changes);
    });
  }

  async #pass(fleetId: string): Promise<void> {
    const { clock, log } = this.#deps;
    const wakeAt = await this.#queue
      .run(fleetId, () => this.#passOnce(fleetId))
      .catch((err: unknown) => {
        log.error("A pass over a fleet failed and is tried again", { fleet_id: fleetId, err });
        return clock.now() + PASS_RETRY_MS;
      });
    this.#timers.set(fleetId, wakeAt);
  }

  async #passOnce(fleetId: string): Promise<number | null> {
    const { db, clock } = this.#deps;
    for (;;) {
      const fleet = await findFleet(db, fleetId);
      if (!fleet || fleet.deleted) return null;
      const rows = await listInstancesOfFleets(db, [fleetId]);
      const idle = rows.filter(({ made, status }) => made && status === "idle").map(({ id }) => id);
      const withOutput = new Set(await listInstancesWithOutput(db, idle));
      const state = stateOfFleet(fleet, rows, { ...this.#deps, canMake: this.hasBackend, withOutput });
      const now = clock.now();
      const { moves, wakeAt } = decideFleet(state, now);
      const ended = new Set(moves.flatMap((move) => (move.do === "end" ? [move.id] : [])));
      // Between the decision and this mark nothing else runs.
      for (const id of ended) this.#deps.capacity.update(id, { status: "terminating" });
      const looked = rows.filter((row) => row.made && !ended.has(row.id)).map((row) => this.#look(row));
      const moved = await Promise.all(moves.map((move) => this.#move(fleet, rows, move)));
      const changes = merge([...moved, ...looked]);
      if (changes.statements.length > 0) {
        await this.#apply(changes);
        continue;
      }
      this.#maker.attend(fleet, rows);
      // What is due has just been attended to, and its end will be told.
      const ahead = rows.map((row) => row.wake_at).filter((at) => at !== null && at > now);
      const moments = [wakeAt, ...ahead, isWatched(rows) ? now + LOOK_MS : null];
      const known = moments.filter((at) => at !== null);
      return known.length > 0 ? Math.min(...known) : null;
    }
  }

  #look(row: InstanceRow): Changes {
    const { agents, capacity, clock } = this.#deps;
    const now = clock.steady();
    const isSilent =
      capacity.get(row.id)?.instance.unreachable === true && agents.heardAt(row.id) + UNREACHABLE_MS <= now;
    return this.#change(row, { kind: isSilent ? "silent" : "looked_at" });
  }

  async #move(fleet: FleetRow, rows: readonly InstanceRow[], move: FleetMove): Promise<Changes> {
    const { db } = this.#deps;
    const only = (statement: Statement, events: NewEvent[] = []): Changes => ({
      statements: [statement],
      events,
      effects: [],
    });
    switch (move.do) {
      case "make":
        return this.#making(fleet, move.count, { origin: "fleet backfill" });
      case "end": {
        const row = rows.find(({ id }) => id === move.id);
        return row ? this.#change(row, { kind: "end", reason: move.reason }) : merge([]);
      }
      case "count": {
        const patch = { attempts: move.attempts, next_attempt_at: move.nextAttemptAt };
        const gaveUp = move.attempts === MOST_ATTEMPTS ? [fleetGaveUp(fleet, move.attempts)] : [];
        return only(patchFleet(db, fleet.id, patch), gaveUp);
      }
      case "elect":
        return only(patchFleet(db, fleet.id, { master_id: move.id }));
      case "finish":
        return only(moveFleet(db, fleet.id, { to: "terminated", patch: { deleted: true } }), [
          fleetMoved(fleet, "terminated"),
        ]);
    }
  }

  async #making(
    fleet: FleetRow,
    count: number,
    { origin, actorId }: { origin: MadeFor; actorId?: string | undefined },
  ): Promise<Changes> {
    const { db, clock, engine } = this.#deps;
    const first = (await lastInstanceNum(db, fleet.id)) + 1;
    const facts = { now: clock.now(), idleDurationS: fleetIdleDurationS(fleet.spec) };
    const rows = Array.from({ length: count }, (_, at) => newMadeRow(fleet, first + at, facts));
    return {
      statements: rows.map((row) => insertInstance(db, row)),
      events: rows.map((row) => instanceMade(row, origin, actorId)),
      effects: rows.map((row) => () => engine.addInstance(row, fleet.name)),
    };
  }

  #change(row: InstanceRow, event: InstanceEvent, more: InstancePatch = {}): Changes {
    return changeInstance(this.#changing, row, { event, more });
  }

  #apply(changes: Changes): Promise<void> {
    return commit(this.#deps, changes);
  }
}

const insertHost = (db: Db, row: InstanceRow, host: SealedHost | undefined): Statement[] => {
  if (!host) throw new Error(`Instance ${row.name} is of no host`);
  const { id: instance_id, fleet_id } = row;
  const place = { hostname: hostKeyOf(host.ssh.hostname), instance_id, fleet_id };
  return [insertInstance(db, row), insertSshHost(db, { ...place, secrets_sealed: host.sealed })];
};

/** Those of which a word is waited for. */
const isWatched = (rows: readonly InstanceRow[]): boolean =>
  rows.some(({ made, status, unreachable }) => made !== null && (status === "provisioning" || unreachable));
