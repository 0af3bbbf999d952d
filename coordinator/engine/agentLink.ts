import { AppError } from "../../shared/errors.ts";
import { type AgentLogAnswer, MAX_AGENT_LOG_BYTES } from "../../shared/protocol/agentLog.ts";
import type { Assignment } from "../../shared/protocol/assignment.ts";
import type { LogAnswer } from "../../shared/protocol/logs.ts";
import type { ReportAnswer, ReportRequest } from "../../shared/protocol/report.ts";
import type { Desired, SyncAnswer, SyncRequest } from "../../shared/protocol/sync.ts";
import type { TrustedAuthorities } from "../../shared/protocol/trust.ts";
import { isFinalJob } from "../../shared/states.ts";
import { CORDONED_BY } from "../domain/instances/closed.ts";
import { agentLogOf } from "../logs/logStore.ts";
import { writeAll } from "../store/db.ts";
import type { InstanceRow } from "../store/instances.ts";
import {
  acknowledgeSubmissions,
  findSubmission,
  listHeldSubmissions,
  patchSubmission,
  type SubmissionRow,
} from "../store/submissions.ts";
import { Clones } from "./clones.ts";
import { desiredOf } from "./desired.ts";
import type { Engine } from "./engine.ts";
import { CLAIM_GIVEN_MS, type EngineDeps } from "./engineDeps.ts";
import type { HostKeeper } from "./hostKeeper.ts";
import type { Reachability } from "./reachability.ts";
import { applyReports } from "./reports.ts";
import type { Rollout } from "./rollout.ts";

/** How long a host's sync waits while there may be another one with its identity. */
const WATCHED_WAIT_MS = 5_000;

export interface AgentLinkDeps extends EngineDeps {
  engine: Engine;
  reachability: Reachability;
  hosts: Pick<HostKeeper, "arrive">;
  assign: (submission: SubmissionRow, instance: InstanceRow) => Promise<Assignment>;
  /** Whether the agent is to dial a tunnel, or to keep it (docs/protocol/tunnel.md). */
  wantsTunnel: (instanceId: string) => boolean;
  /** What an agent is to be told about the coordinator's authorities, by what it has said; absent: nothing. */
  trustNews?: (digest: string | null | undefined) => TrustedAuthorities | undefined;
  /** Which releases agents are offered; absent: none. */
  rollout?: Rollout;
}

/** The conversation with one host's agent (shared/protocol), from the coordinator's side. */
export class AgentLink {
  readonly #deps: AgentLinkDeps;
  readonly #clones: Clones;
  readonly #startedAt: number;

  constructor(deps: AgentLinkDeps) {
    this.#deps = deps;
    this.#clones = new Clones(deps.clock.steady());
    this.#startedAt = deps.clock.now();
  }

  /** Acknowledges what the agent names, waits while it has seen all, then answers the whole desired set. */
  async sync(instance: InstanceRow, request: SyncRequest, signal: AbortSignal): Promise<SyncAnswer> {
    const { agents, clock, engine, patience, reachability } = this.#deps;
    const arrivedAt = clock.steady();
    const confirmed = agents.confirmations(instance.id);
    const hosts = this.#clones.note(instance, request, arrivedAt);
    if (hosts === "unsure")
      throw new AppError(
        "unavailable",
        "Another host may have this host's identity; its next sync will tell",
      );
    if (hosts === "two") return this.#syncClone(instance, request, { signal, arrivedAt });
    // Its agent counts its starts anew where its state was lost.
    if (hosts === "begun") {
      agents.endSession(instance.id);
      // Where it is another host that was here until now, it is heard of at once.
      agents.wake(instance.id);
    }
    const noted = agents.note(instance.id, request);
    if (noted === "fenced")
      throw new AppError("fenced", "A newer process of this host's agent has taken over", {
        hint: "Run one agent for each host",
      });
    this.#deps.idleness.note(instance.id, request.held);
    await reachability.heard(instance.id);
    if (request.inventory || instance.session !== request.session)
      await engine.noteInventory(instance, request);
    await engine.noteHost(instance, request);
    if (instance.ssh && instance.status === "pending") await this.#deps.hosts.arrive(instance);
    await this.#acknowledge(instance, request);
    await this.#park(instance, request, signal);
    // The connection may look open long after its agent has given it up and asked again.
    if (agents.isOvertaken(instance.id, request))
      throw new AppError("unavailable", "A later sync of this host has come");
    // Read before the set: a change in between makes the next answer come at once, never go missing.
    const revision = agents.revision(instance.id);
    const held = new Set(request.held.map((one) => one.submission_id));
    const desired = await this.#desired(instance, {
      held,
      isOld: () =>
        noted === "repeated" ||
        agents.confirmations(instance.id) !== confirmed ||
        agents.isOvertaken(instance.id, request),
    });
    const upgrade = await this.#deps.rollout?.offerFor(instance, request, clock.steady());
    const trust = this.#deps.trustNews?.(request.trust);
    return {
      epoch: agents.epoch,
      revision,
      desired,
      wait_ms: patience.syncWaitMs,
      lease_ttl_ms: patience.leaseTtlMs,
      waited_ms: Math.floor(clock.steady() - arrivedAt),
      ...(upgrade ? { upgrade } : {}),
      ...(trust ? { trust } : {}),
      ...this.#leaveOf(instance.id),
      ...(this.#deps.wantsTunnel(instance.id) ? { tunnel: true } : {}),
    };
  }

  /**
   * Two hosts have one identity: neither gets new jobs, and each goes on with what it has. What only the other one names
   * says nothing about this one.
   */
  async #syncClone(
    instance: InstanceRow,
    request: SyncRequest,
    { signal, arrivedAt }: { signal: AbortSignal; arrivedAt: number },
  ): Promise<SyncAnswer> {
    const { agents, clock, engine, log, patience, reachability } = this.#deps;
    agents.touch(instance.id);
    await reachability.heard(instance.id);
    if (!instance.cordon) {
      const reason = this.#clones.describe(instance.id);
      log.error("Two hosts have the identity of one instance", { instance: instance.name, reason });
      await engine.setCordon(instance, { at: clock.now(), by: CORDONED_BY, reason }, null);
    }
    await this.#acknowledge(instance, request);
    await this.#park(instance, request, signal);
    const revision = agents.revision(instance.id);
    const held = new Set(request.held.map((one) => one.submission_id));
    const own = (await this.#listHeld(instance)).filter(({ id }) => held.has(id));
    const desired = own.flatMap((submission) => {
      const wanted = desiredOf(submission, true);
      return wanted && wanted !== "start" ? [wanted] : [];
    });
    return {
      epoch: agents.epoch,
      revision,
      desired,
      wait_ms: patience.syncWaitMs,
      lease_ttl_ms: patience.leaseTtlMs,
      waited_ms: Math.floor(clock.steady() - arrivedAt),
    };
  }

  /** Read anew: the wish may have come while the agent waited for this answer. */
  #leaveOf(instanceId: string): Pick<SyncAnswer, "leave"> {
    const leaving = this.#deps.capacity.get(instanceId)?.instance.leaving;
    return leaving ? { leave: { force: leaving.force, uninstall: true } } : {};
  }

  /** Waits while the agent has seen all there is. */
  async #park(
    instance: InstanceRow,
    { seen, wait_ms: waitMs }: SyncRequest,
    signal: AbortSignal,
  ): Promise<void> {
    const { agents, clock, patience } = this.#deps;
    const hasSeenAll = seen?.epoch === agents.epoch && seen.revision === agents.revision(instance.id);
    if (!hasSeenAll || waitMs === 0) return;
    const longestMs = this.#clones.isWatched(instance.id, clock.steady()) ? WATCHED_WAIT_MS : waitMs;
    await agents.park(instance.id, signal, (timeUp) =>
      clock.after(Math.min(waitMs, patience.syncWaitMs, longestMs), timeUp),
    );
    // Nobody reads this answer, and what the request said may have been overtaken.
    if (signal.aborted) throw new AppError("unavailable", "The agent has closed the connection");
  }

  report(instance: InstanceRow, request: ReportRequest): Promise<ReportAnswer> {
    this.#deps.agents.touch(instance.id);
    return applyReports(this.#deps, instance, request.reports);
  }

  /** Stores output and answers what is held; at the end of a finished job, with the hash of the whole. */
  async appendLog(
    instance: InstanceRow,
    submissionId: string,
    chunk: { bytes: Uint8Array; offset: number; at: number },
  ): Promise<LogAnswer> {
    const { db, logs, agents, engine, wakeFleet } = this.#deps;
    const submission = await findSubmission(db, submissionId);
    if (submission?.instance_id !== instance.id || (submission.log_complete && submission.log_bytes === null))
      throw new AppError("fenced", `Submission ${submissionId} is not this instance's`);
    const length = await logs.append(submissionId, chunk.bytes, chunk);
    if (submission.log_bytes === null || length < submission.log_bytes) return { length };
    const sha256 = await logs.digest(submissionId);
    if (!submission.log_complete) {
      await logs.finish(submissionId);
      const complete = patchSubmission(db, submissionId, { log_complete: true });
      await engine.withRun(submission.run_id, (draft) => draft.add({ statements: [complete], effects: [] }));
      agents.wake(instance.id);
      // It may have been kept for this alone.
      if (instance.made) wakeFleet(instance.fleet_id);
    }
    return { length, sha256 };
  }

  /** Keeps what the agent says about a job that it has, or had: of no consequence for the job. */
  async appendAgentLog(
    instance: InstanceRow,
    submissionId: string,
    { bytes, offset }: { bytes: Uint8Array; offset: number },
  ): Promise<AgentLogAnswer> {
    const { db, logs, clock } = this.#deps;
    const submission = await findSubmission(db, submissionId);
    if (submission?.instance_id !== instance.id)
      throw new AppError("fenced", `Submission ${submissionId} is not this instance's`);
    const key = agentLogOf(submissionId);
    const fitting = bytes.subarray(0, Math.max(0, MAX_AGENT_LOG_BYTES - offset));
    const length = await logs.append(key, fitting, { offset, at: clock.now() });
    // Little comes and seldom: no file stays open for it.
    await logs.finish(key);
    return { length };
  }

  /** What the host has from now on confirmed to have. */
  async #acknowledge(instance: InstanceRow, request: SyncRequest): Promise<void> {
    if (request.held.length === 0) return;
    const { db, clock } = this.#deps;
    const named = request.held.map((held) => held.submission_id);
    const confirmed = { instanceId: instance.id, at: clock.now() };
    await writeAll(db, await acknowledgeSubmissions(db, named, confirmed));
  }

  /** Most hosts have nothing most of the time, and a heartbeat is to cost nothing then. */
  async #listHeld(instance: InstanceRow): Promise<SubmissionRow[]> {
    const { db, capacity } = this.#deps;
    if (!capacity.mayHold(instance.id)) return [];
    const held = await listHeldSubmissions(db, instance.id);
    if (held.length === 0) capacity.noteHoldsNothing(instance.id);
    return held;
  }

  async #desired(instance: InstanceRow, said: Said): Promise<Desired[]> {
    const { held } = said;
    const desired: Desired[] = [];
    const unconfirmed = new Set<string>();
    for (const submission of await this.#listHeld(instance)) {
      if (isLost(submission, said) && this.#isSettled(instance, submission)) {
        await this.#endLost(submission);
        continue;
      }
      const wanted = desiredOf(submission, held.has(submission.id));
      if (wanted === "start") {
        if (submission.acknowledged_at === null) unconfirmed.add(submission.id);
        desired.push(...(await this.#start(submission, instance)));
      } else if (wanted) desired.push(wanted);
    }
    // At the very end: until here it may have taken any time, and others may have given such a job up.
    const occupants = this.#deps.capacity.get(instance.id)?.occupants;
    return desired.filter(
      ({ submission_id: id }) =>
        !unconfirmed.has(id) || (occupants?.has(id) === true && !this.#isTooLate(id)),
    );
  }

  #isSettled(instance: InstanceRow, { acknowledged_at: at }: SubmissionRow): boolean {
    const isOlder = at !== null && at < this.#startedAt;
    return this.#clones.isSettled(instance, { now: this.#deps.clock.steady(), isOlder });
  }

  /** A job that cannot be told to its host, because a secret is gone, ends here (docs/spec/agent.md §2.11). */
  async #start(submission: SubmissionRow, instance: InstanceRow): Promise<Desired[]> {
    const { id } = submission;
    if (submission.acknowledged_at === null && this.#isTooLate(id)) return [];
    try {
      return [
        { action: "run", submission_id: id, assignment: await this.#deps.assign(submission, instance) },
      ];
    } catch (err) {
      if (!(err instanceof AppError)) throw err;
      const end = { reason: "terminated_by_server", message: err.message } as const;
      await this.#deps.engine.endJob(submission.run_id, id, end);
      return [];
    }
  }

  /** A host that comes late for a job could not have confirmed it before it is given to another. */
  #isTooLate(submissionId: string): boolean {
    const { waits, clock } = this.#deps;
    return waits.since(submissionId, "claim") + CLAIM_GIVEN_MS <= clock.steady();
  }

  /** Starting it anew could run it twice, so a job that its host has lost has failed. */
  #endLost({ id, run_id: runId }: SubmissionRow): Promise<void> {
    const message = "The host no longer knows this job: the state of its agent was lost";
    return this.#deps.engine.endJob(runId, id, { reason: "executor_error", message });
  }
}

/** What a sync says of its host; `isOld`: since it came, the host may have confirmed more. */
interface Said {
  held: ReadonlySet<string>;
  isOld: () => boolean;
}

/**
 * An agent writes a job to its journal before it names it, and names it until told otherwise. A request that is here
 * for the second time, or came before the job was confirmed, may be older than the job.
 */
const isLost = (submission: SubmissionRow, { held, isOld }: Said): boolean =>
  !isFinalJob(submission.status) &&
  submission.acknowledged_at !== null &&
  !held.has(submission.id) &&
  !isOld();
