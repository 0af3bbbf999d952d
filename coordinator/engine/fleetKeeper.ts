import { KeyedQueue } from "../../shared/async/keyedQueue.ts";
import type { Clock } from "../../shared/clock.ts";
import { AppError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { isFinalJob } from "../../shared/states.ts";
import { fleetGaveUp, fleetMoved, instanceMade, type MadeFor } from "../domain/events/instanceEvents.ts";
import type { Backend } from "../domain/fleets/backend.ts";
import { decideFleet, type FleetMove, MOST_ATTEMPTS } from "../domain/fleets/decideFleet.ts";
import { fleetIdleDurationS } from "../domain/fleets/fleetOffers.ts";
import { chooseFleets, type FleetChoice, mayMake, type Newcomers } from "../domain/fleets/runFleets.ts";
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
import { revokeJoinTokensOfFleet } from "../store/joinTokens.ts";
import type { MadeOffer } from "../store/madeInstance.ts";
import type { RunRow } from "../store/runs.ts";
import { insertSshHost } from "../store/sshHosts.ts";
import {
  listHeldSubmissions,
  listInstancesWithOutput,
  patchSubmission,
  type SubmissionRow,
} from "../store/submissions.ts";
import type { CoordinatorTrust } from "../tls/tls.ts";
import type { AgentSessions } from "./agentSessions.ts";
import type { Capacity } from "./capacity.ts";
import { type Changes, commit, merge } from "./changes.ts";
import type { Engine } from "./engine.ts";
import { changeInstance, type InstanceChange } from "./fleetChanges.ts";
import { stateOfFleet } from "./fleetState.ts";
import type { HostKeeper } from "./hostKeeper.ts";
import { InstanceMaker } from "./instanceMaker.ts";
import { bindRun, placeOnMade } from "./placeOnMade.ts";
import type { Scheduler } from "./scheduler.ts";
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

interface Removal {
  isWhole: boolean;
  actorId: string | undefined;
  /** Why it may not be, given those of the instances that have jobs; undefined: it may. */
  inUse: (busy: readonly InstanceRow[]) => AppError | undefined | Promise<AppError | undefined>;
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

  constructor(deps: FleetKeeperDeps) {
    this.#deps = deps;
    this.#timers = new WakeTimers(deps.clock, (fleetId) => this.wake(fleetId));
    this.#maker = new InstanceMaker({
      ...deps,
      tell: (instance, event) => this.#tell(instance, event),
      wake: (fleetId) => this.wake(fleetId),
    });
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
    if (!this.hasBackend) return [];
    const fleets = await this.#usableFleets(projectId);
    const viewer = this.#deps.capacity.sharing.viewer(projectId);
    const choices = chooseFleets(fleets, await this.listOffers(), { ...newcomers, viewer });
    const all = choices.flatMap(({ offers }) => offers.flat());
    return [...new Map(all.map((offer) => [JSON.stringify(offer), offer])).values()].sort(
      (a, b) => a.price - b.price,
    );
  }

  /** Has an instance made for each job of a replica, which is placed there before it is; false: no fleet can. */
  async makeFor(run: RunRow, submissions: readonly SubmissionRow[]): Promise<boolean> {
    if (!this.mayMakeFor(run)) return false;
    const fleets = await this.#usableFleets(run.project_id);
    const viewer = this.#deps.capacity.sharing.viewer(run.project_id);
    const jobSpecs = submissions.map((submission) => submission.job_spec);
    const newcomers = { spec: run.spec, jobSpecs, fleetId: run.fleet_id, viewer };
    for (const choice of chooseFleets(fleets, await this.listOffers(), newcomers))
      if (await this.withFleet(choice.fleet.id, () => this.#makeThere(choice, run, submissions))) return true;
    return false;
  }

  /** The project's own, and what others share with it. */
  async #usableFleets(projectId: string): Promise<FleetRow[]> {
    const { db, capacity } = this.#deps;
    return (await listLiveFleets(db)).filter(({ id, project_id }) =>
      capacity.sharing.mayUse(projectId, { project_id, fleet_id: id }),
    );
  }

  async #makeThere(
    { fleet: { id }, offers, idleDurationS }: FleetChoice,
    run: RunRow,
    submissions: readonly SubmissionRow[],
  ): Promise<boolean> {
    const { db, clock } = this.#deps;
    const fleet = await findFleet(db, id);
    const max = fleet?.spec.configuration.nodes?.max ?? Number.POSITIVE_INFINITY;
    const present = (await listInstancesOfFleets(db, [id])).filter(({ status }) => status !== "terminating");
    if (fleet?.status !== "active" || present.length + submissions.length > max) return false;
    const first = (await lastInstanceNum(db, id)) + 1;
    const placed = submissions.map((submission, rank) => {
      const forJob = offers[rank] ?? [];
      const row = newMadeRow(fleet, first + rank, { now: clock.now(), idleDurationS, forJob });
      return placeOnMade(this.#deps, { run, submission, row, fleetName: fleet.name });
    });
    await this.#apply(merge([...placed, bindRun(this.#deps, run, id)]));
    return true;
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
  async bringIn(
    fleet: FleetRow,
    hosts: readonly SealedHost[],
    {
      origin,
      actorId,
      ...also
    }: { origin: MadeFor; actorId: string } & Partial<Pick<Changes, "statements" | "events">>,
  ): Promise<void> {
    const { db, clock, engine, hosts: keeper } = this.#deps;
    const first = (await lastInstanceNum(db, fleet.id)) + 1;
    const rows = hosts.map((host, at) => newSshRow(fleet, first + at, { host, now: clock.now() }));
    await this.#apply({
      statements: [...(also.statements ?? []), ...rows.flatMap((row, at) => insertHost(db, row, hosts[at]))],
      events: [...(also.events ?? []), ...rows.map((row) => instanceMade(row, origin, actorId))],
      effects: rows.flatMap((row) => [() => engine.addInstance(row, fleet.name), () => keeper.take(row.id)]),
    });
  }

  /**
   * Takes instances out for good, or the whole fleet with them; within `withFleet`. Refused while one of them has a job;
   * then all of them stay. `inUse` is asked once nothing new can come.
   */
  async remove(
    fleet: FleetRow,
    rows: readonly InstanceRow[],
    { isWhole, actorId, inUse }: Removal,
  ): Promise<void> {
    const { capacity, scheduler } = this.#deps;
    // A job may have come or gone since the rows were read.
    const present = rows.map((row) => ({
      ...row,
      status: capacity.get(row.id)?.instance.status ?? row.status,
    }));
    // From here on nothing is placed there, so that what is free stays free.
    for (const { id } of rows) capacity.update(id, { status: "terminating" });
    try {
      const busy = rows.filter(({ id }) => (capacity.get(id)?.occupants.size ?? 0) > 0);
      const refusal = await inUse(busy);
      if (refusal !== undefined) throw refusal;
      const end = { event: { kind: "end", reason: "terminated_by_user" }, actorId } as const;
      const joined = present.filter(({ made }) => !made);
      const lost = await Promise.all(joined.map((row) => this.#withoutOutput(row)));
      const ends = present.map((row) => this.#changeAs(row, end));
      await this.#apply(merge([...(isWhole ? [this.#leaving(fleet, actorId)] : []), ...ends, ...lost]));
    } catch (err) {
      for (const { id, status } of present) {
        const isOccupied = (capacity.get(id)?.occupants.size ?? 0) > 0;
        const isUp = status === "idle" || status === "busy";
        capacity.update(id, { status: isUp ? (isOccupied ? "busy" : "idle") : status });
      }
      scheduler.pump();
      throw err;
    }
  }

  /** Nobody sends any more what is not here of the output of jobs on an instance that is gone. */
  async #withoutOutput({ id }: InstanceRow): Promise<Changes> {
    const { db } = this.#deps;
    const over = (await listHeldSubmissions(db, id)).filter(({ status }) => isFinalJob(status));
    const patch = { log_complete: true, log_bytes: null };
    return { statements: over.map((job) => patchSubmission(db, job.id, patch)), effects: [] };
  }

  /** Nobody may join a fleet that is on its way out. */
  #leaving(fleet: FleetRow, actorId: string | undefined): Changes {
    const { db } = this.#deps;
    return {
      statements: [
        revokeJoinTokensOfFleet(db, fleet.id),
        moveFleet(db, fleet.id, { to: "terminating", patch: {} }),
      ],
      events: [fleetMoved(fleet, "terminating", actorId)],
      effects: [],
    };
  }

  async #tell(instance: InstanceRow, event: InstanceEvent): Promise<void> {
    await this.withFleet(instance.fleet_id, async () => {
      const [fleet, row] = await Promise.all([
        findFleet(this.#deps.db, instance.fleet_id),
        findInstance(this.#deps.db, instance.id),
      ]);
      if (!fleet || !row) return;
      const siblings = await this.#alsoFailed(fleet, row, event);
      const lost = event.kind === "ended" ? [await this.#withoutOutput(row)] : [];
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
    return this.#changeAs(row, { event, more });
  }

  #changeAs(row: InstanceRow, change: InstanceChange): Changes {
    const isTalkedAbout = (id: string) => this.#maker.isTalkedAbout(id);
    return changeInstance({ ...this.#deps, isTalkedAbout }, row, change);
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
