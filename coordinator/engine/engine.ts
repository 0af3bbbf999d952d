import type { Cordon, Leaving } from "../../shared/api/fleets.ts";
import type { JobSpec } from "../../shared/api/jobs.ts";
import type { LabelChange, Labels } from "../../shared/api/labels.ts";
import { KeyedQueue } from "../../shared/async/keyedQueue.ts";
import { AppError } from "../../shared/errors.ts";
import type { SyncRequest } from "../../shared/protocol/sync.ts";
import { isFinalJob } from "../../shared/states.ts";
import { instanceCordoned, instanceDraining, instanceLabelled } from "../domain/events/instanceEvents.ts";
import { jobCreated } from "../domain/events/jobEvents.ts";
import { runDeleted, runSubmitted } from "../domain/events/runEvents.ts";
import type { Viewer } from "../domain/fleets/named.ts";
import type { CapacityEntry } from "../domain/instances/capacityEntry.ts";
import { healthOf } from "../domain/instances/health.ts";
import { noteHealth } from "../domain/instances/healthHistory.ts";
import { wholeOf } from "../domain/instances/occupancy.ts";
import type { NewEvent } from "../store/events.ts";
import { type InstanceRow, listLiveInstances, patchInstance } from "../store/instances.ts";
import { insertRun, listLiveRuns, type NewRunRow, patchRun, type RunRow } from "../store/runs.ts";
import {
  insertSubmissions,
  listHeldSubmissions,
  listLiveSubmissions,
  listRunsOnForeignHosts,
  type SubmissionRow,
} from "../store/submissions.ts";
import { commit, NOTHING } from "./changes.ts";
import { type End, endSubmission, finishSubmission } from "./endings.ts";
import type { EngineDeps } from "./engineDeps.ts";
import { RunDraft } from "./runDraft.ts";
import { type PassResult, passRun } from "./runPass.ts";
import { stopForUser } from "./stopForUser.ts";
import { waitingOrder } from "./waitingOrder.ts";
import { WakeTimers } from "./wakeTimers.ts";

/** How long after a pass that failed the run is looked at again. */
const PASS_RETRY_MS = 5_000;

/** A run to be submitted: its row, and the spec of every job it starts with. */
export interface NewRun {
  row: NewRunRow;
  jobSpecs: JobSpec[];
  /** The finished run that holds the name: it gives it up in the same transaction. */
  replaces?: RunRow;
}

/**
 * Applies the rules when something happens: a submission, a report, a stop, a host that comes, a moment that
 * was waited for. All work on one run is done one after another; nothing is discovered by polling the store.
 */
export class Engine {
  readonly #deps: EngineDeps;
  readonly #queue = new KeyedQueue();
  readonly #timers: WakeTimers;
  readonly #listeners = new Map<string, Set<() => void>>();

  constructor(deps: EngineDeps) {
    this.#deps = deps;
    this.#timers = new WakeTimers(deps.clock, (runId) => this.wakeRun(runId));
    deps.idleness.onReached((runId) => this.wakeRun(runId));
  }

  /** Rebuilds from the store what is kept in memory, then takes every live run up where it was left. */
  async start(): Promise<void> {
    const { db, capacity, scheduler } = this.#deps;
    await capacity.sharing.load(db);
    for (const { instance, fleetName } of await listLiveInstances(db)) capacity.set(instance, fleetName);
    for (const { id, instance_id: instanceId, share } of await listLiveSubmissions(db)) {
      const entry = instanceId === null ? undefined : capacity.get(instanceId);
      if (entry) capacity.restore(entry.instance.id, id, share ?? wholeOf(entry));
    }
    const runs = (await listLiveRuns(db)).map((run) => ({ run, jobSpecs: [] }));
    for (const { run } of waitingOrder(runs)) await this.#pass(run.id);
    await this.#endRevoked(await listRunsOnForeignHosts(db));
    scheduler.start((runId) => this.wakeRun(runId));
  }

  /** Stops the timers and waits for the work in hand. */
  async close(): Promise<void> {
    this.#timers.close();
    this.#deps.idleness.close();
    await this.#queue.idle();
  }

  /** Stores the run with the first submission of each job, and places what can be placed before it returns. */
  async submitRun(run: NewRun): Promise<void> {
    const { db, clock } = this.#deps;
    const now = clock.now();
    const rows = run.jobSpecs.map((spec) => ({
      id: crypto.randomUUID(),
      run_id: run.row.id,
      replica_num: spec.replica_num,
      job_num: spec.job_num,
      submission_num: 0,
      job_spec: spec,
      status: "submitted" as const,
      submitted_at: now,
      last_processed_at: now,
    }));
    const { row, replaces } = run;
    const draft = new RunDraft(this.#deps, row.id);
    draft.add({
      statements: [
        ...(replaces ? [patchRun(db, replaces.id, { deleted: true })] : []),
        insertRun(db, row),
        ...insertSubmissions(db, rows),
      ],
      events: [
        ...(replaces ? [runDeleted(replaces, row.user_id)] : []),
        runSubmitted(row, row.user_id),
        ...rows.map((job) => jobCreated({ ...job, project_id: row.project_id }, "run submission")),
      ],
      effects: [],
    });
    await this.#change(row.id, async () => draft);
  }

  /** Ends a run for a user; an abort gives its jobs no time. A run that is final stays as it is. */
  async stopRun(runId: string, abort: boolean, actorId?: string): Promise<void> {
    await this.withRun(runId, (draft) => {
      const { run } = draft;
      if (!run) throw new AppError("not_found", `Run ${runId} not found`);
      draft.add(stopForUser(this.#deps, run, { abort, actorId }));
    });
  }

  /** Looks at a run again because something about it has changed. */
  wakeRun(runId: string): void {
    void this.#pass(runId);
  }

  /** Changes a run between its passes, and passes it afterwards. Rejects where nothing of the work could be stored. */
  withRun(runId: string, work: (draft: RunDraft) => void | Promise<void>): Promise<void> {
    return this.#change(runId, async () => {
      const draft = await RunDraft.open(this.#deps, runId);
      await work(draft);
      return draft;
    });
  }

  findCapacity(instanceId: string): CapacityEntry | undefined {
    return this.#deps.capacity.get(instanceId);
  }

  /** The project's own. */
  listCapacity(projectId: string): CapacityEntry[] {
    return this.#deps.capacity.list(projectId);
  }

  /** With what others share with the project, and how it names that. */
  listUsable(projectId: string): { entries: CapacityEntry[]; viewer: Viewer } {
    const { capacity } = this.#deps;
    return { entries: capacity.listUsable(projectId), viewer: capacity.sharing.viewer(projectId) };
  }

  /** What projects share with each other has changed, and is stored: jobs that lost their right to a host end. */
  noteSharing(): Promise<void> {
    const { db, capacity, scheduler } = this.#deps;
    return this.#queue.run("sharing", async () => {
      const hasLost = await capacity.sharing.load(db);
      const live = await listLiveRuns(db);
      await this.#endRevoked(live.filter((run) => hasLost(run.project_id)).map(({ id }) => id));
      scheduler.pump();
    });
  }

  /** A host has joined, or come back under its old identity. */
  addInstance(instance: InstanceRow, fleetName: string): void {
    this.#deps.agents.joined(instance.id);
    this.#deps.capacity.set(instance, fleetName);
    this.#deps.scheduler.pump();
  }

  /** For how long nobody has used a job, in seconds; undefined: its host does not say. */
  inactivityOf(submission: Pick<SubmissionRow, "id" | "instance_id">): number | undefined {
    return this.#deps.idleness.seconds(submission);
  }

  /** Something about a known host has changed, and is stored. */
  updateInstance(instanceId: string, patch: Partial<InstanceRow>): void {
    this.#deps.capacity.update(instanceId, patch);
    this.#deps.scheduler.pump();
  }

  /** A host fell silent, or is back: its jobs may have to go elsewhere, others may go there. */
  async noteReachable(instanceId: string, isReachable: boolean): Promise<void> {
    if (isReachable) this.#deps.scheduler.pump();
    const instance = this.#deps.capacity.get(instanceId)?.instance;
    if (instance?.made) this.#deps.wakeFleet(instance.fleet_id);
    const held = await listHeldSubmissions(this.#deps.db, instanceId);
    for (const runId of new Set(held.map((submission) => submission.run_id))) this.wakeRun(runId);
  }

  /** Where a run stands in the queue, and why it waits; undefined: it does not. */
  positionOf(runId: string): { position: number; reason: string } | undefined {
    return this.#deps.scheduler.positionOf(runId);
  }

  /** Whose credential, or replaced one, has this hash; the caller checks which, and its expiry. */
  findInstanceByCredential(hash: string): InstanceRow | undefined {
    return this.#deps.capacity.findByCredential(hash);
  }

  /** Notes what a sync tells of the host itself. */
  async noteInventory(instance: InstanceRow, sync: SyncRequest): Promise<void> {
    const patch = {
      ...(sync.inventory ? { inventory: sync.inventory } : {}),
      boot_id: sync.boot_id,
      agent_version: sync.agent_version,
      session: sync.session,
    };
    const { db, clock, capacity } = this.#deps;
    const inventory = sync.inventory ?? instance.inventory;
    const health = JSON.stringify(healthOf(inventory));
    // An agent that starts anew, or tells of anything else, has mostly nothing new to say of it.
    const isNoted = capacity.notedHealth(instance.id) === health;
    const { statements, events } = isNoted
      ? NOTHING
      : await noteHealth(db, instance, { inventory, now: clock.now() });
    await commit(this.#deps, {
      statements: [patchInstance(db, instance.id, patch), ...statements],
      ...(events ? { events } : {}),
      effects: [
        () => capacity.noteHealth(instance.id, health),
        () =>
          sync.inventory ? this.updateInstance(instance.id, patch) : capacity.update(instance.id, patch),
      ],
    });
  }

  /** Notes what a sync says of jobs that the host wants none of, and of releases of its agent. */
  async noteHost(instance: InstanceRow, sync: Pick<SyncRequest, "draining" | "upgrade">): Promise<void> {
    const { draining = null, upgrade = null } = sync;
    const known = { draining: instance.draining, upgrade: instance.upgrade };
    if (Bun.deepEquals(known, { draining, upgrade })) return;
    const isDrain = !Bun.deepEquals(instance.draining, draining);
    await this.#patchHost(
      instance.id,
      { draining, upgrade },
      isDrain ? [instanceDraining(instance, draining)] : [],
    );
  }

  /** Keeps new jobs away from an instance, or (null) lets them go there again; no actor: the coordinator itself. */
  async setCordon(instance: InstanceRow, cordon: Cordon | null, actorId: string | null): Promise<void> {
    const told =
      Boolean(instance.cordon) === Boolean(cordon) ? [] : [instanceCordoned(instance, cordon, actorId)];
    await this.#patchHost(instance.id, { cordon }, told);
  }

  /** Labels that a user gives an instance, or takes away; runs that wait for them see it at once. */
  async setLabels(
    instance: InstanceRow,
    labels: Labels | null,
    { change, actorId }: { change: LabelChange; actorId: string },
  ): Promise<void> {
    const told = Bun.deepEquals(instance.labels, labels) ? [] : [instanceLabelled(instance, change, actorId)];
    await this.#patchHost(instance.id, { labels }, told);
  }

  /** The host is to leave its fleet, and is told so; nothing new goes there meanwhile. */
  async setLeaving(instance: InstanceRow, leaving: Leaving): Promise<void> {
    await this.#patchHost(instance.id, { leaving }, []);
    this.#deps.agents.wake(instance.id);
  }

  /** Takes the jobs of an instance for lost. */
  async loseJobs(instance: InstanceRow): Promise<void> {
    const held = await listHeldSubmissions(this.#deps.db, instance.id);
    const live = held.filter(({ status }) => !isFinalJob(status));
    const end = { reason: "instance_unreachable", message: "The host has left its fleet" } as const;
    for (const { id, run_id: runId } of live) await this.endJob(runId, id, end);
  }

  /** Of these runs, the jobs on hosts that their project may not use any more; in the run's turn, when all is stored. */
  async #endRevoked(runIds: readonly string[]): Promise<void> {
    const { capacity } = this.#deps;
    const message = "The fleet is not shared with this project any more";
    for (const runId of runIds)
      await this.withRun(runId, (draft) => {
        const { run } = draft;
        if (!run) return;
        for (const submission of draft.submissions) {
          const instance = capacity.get(submission.instance_id ?? "")?.instance;
          if (!instance || capacity.sharing.mayUse(run.project_id, instance)) continue;
          if (submission.status === "terminating" || isFinalJob(submission.status)) continue;
          draft.add(
            endSubmission(this.#deps, submission, { run, reason: "instance_access_revoked", message }),
          );
        }
      });
  }

  /** Ends a job of which nothing more will come, unless it has ended. */
  async endJob(
    runId: string,
    submissionId: string,
    end: Omit<End, "abandoned" | "projectId">,
  ): Promise<void> {
    await this.withRun(runId, (draft) => {
      const submission = draft.findSubmission(submissionId);
      if (!draft.run || !submission || isFinalJob(submission.status)) return;
      const { project_id: projectId } = draft.run;
      draft.add(finishSubmission(this.#deps, submission, { ...end, projectId, abandoned: true }));
    });
  }

  /** What is wanted of a host has changed; jobs that wait may fit now, or be told another reason. */
  async #patchHost(
    instanceId: string,
    patch: Partial<Pick<InstanceRow, "cordon" | "draining" | "labels" | "leaving" | "upgrade">>,
    events: NewEvent[],
  ): Promise<void> {
    const { db, capacity, scheduler } = this.#deps;
    await commit(this.#deps, {
      statements: [patchInstance(db, instanceId, patch)],
      events,
      effects: [() => capacity.update(instanceId, patch), () => scheduler.pump()],
    });
  }

  /** An instance has come, or is going: whoever is there, or waits for it, goes on. */
  wakeRunsOn(instanceId: string): void {
    const { db, log } = this.#deps;
    listHeldSubmissions(db, instanceId).then(
      (held) => {
        for (const runId of new Set(held.map((submission) => submission.run_id))) this.wakeRun(runId);
      },
      (err: unknown) =>
        log.error("The runs on an instance could not be told", { instance_id: instanceId, err }),
    );
  }

  /** Calls back after every committed change of the run; returns the unsubscribe. */
  onRunChange(runId: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(runId) ?? new Set();
    this.#listeners.set(runId, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(runId);
    };
  }

  /** Looks at a run; that fails for nobody, but is tried again. */
  async #pass(runId: string): Promise<void> {
    const { clock, log } = this.#deps;
    await this.#change(runId, () => RunDraft.open(this.#deps, runId)).catch((err: unknown) => {
      log.error("A run could not be looked at, which is tried again", { run_id: runId, err });
      this.#timers.set(runId, clock.now() + PASS_RETRY_MS);
    });
  }

  /** Rejects where what is asked for, by the draft that `begin` makes, could not be stored. */
  async #change(runId: string, begin: () => Promise<RunDraft>): Promise<void> {
    const { changed, wakeAt } = await this.#queue.run(runId, async () =>
      this.#passDraft(runId, await begin()),
    );
    this.#timers.set(runId, wakeAt);
    if (changed) for (const listener of this.#listeners.get(runId) ?? []) listener();
  }

  /** The run joins or leaves the queue before anything else happens to it. */
  async #passDraft(runId: string, draft: RunDraft): Promise<{ changed: boolean; wakeAt: number | null }> {
    const { scheduler } = this.#deps;
    const { wakeAt, waiting } = await this.#tryPass(runId, draft);
    if (waiting) scheduler.wait(waiting);
    else scheduler.leave(runId);
    return { changed: draft.commits > 0, wakeAt };
  }

  /** A pass that fails (a full disk, a database out of reach) is tried again, once what was asked for is stored. */
  async #tryPass(runId: string, draft: RunDraft): Promise<PassResult> {
    const { clock, log } = this.#deps;
    const isAsked = !draft.isStored;
    try {
      return await passRun(this.#deps, draft);
    } catch (err) {
      if (!draft.isStored) await draft.commit();
      if (isAsked && draft.commits === 0) throw err;
      log.error("A pass over a run failed and is tried again", { run_id: runId, err });
      return { wakeAt: clock.now() + PASS_RETRY_MS };
    }
  }
}
