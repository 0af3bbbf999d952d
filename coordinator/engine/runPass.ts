import { mergeProfile } from "../../shared/config/profile.ts";
import { isFinalJob, isFinalRun, RUN_REASONS } from "../../shared/states.ts";
import { deriveRun, isTerminated } from "../domain/runs/derive.ts";
import { retryAt } from "../domain/runs/retry.ts";
import type { RunRow } from "../store/runs.ts";
import type { SubmissionRow } from "../store/submissions.ts";
import { attemptAgain, groupByJob, historyOf, type JobAttempts, stateOf } from "./attempts.ts";
import { type Changes, merge, NOTHING } from "./changes.ts";
import { endSubmission, hurrySubmission } from "./endings.ts";
import type { EngineDeps } from "./engineDeps.ts";
import { expire, nextExpiry } from "./expire.ts";
import { endIdle, watchIdle } from "./inactivity.ts";
import { endLost } from "./lostHosts.ts";
import { runMove } from "./moves.ts";
import { decidePending, isToldByUser, rearm } from "./pendingRun.ts";
import { placeReplica } from "./placeReplica.ts";
import type { RunDraft } from "./runDraft.ts";
import { settlePlaces } from "./settlePlaces.ts";
import { beginWaiting } from "./startup.ts";
import type { WaitingRun } from "./waitingOrder.ts";

/** Said of jobs that end because another of their replica is tried again (docs/spec/lifecycle.md §1.1). */
const RESUBMITTED = "Run is to be resubmitted";

export interface PassResult {
  /** When the run is to be looked at again; null: only when something happens. */
  wakeAt: number | null;
  /** Set while it waits for capacity. */
  waiting?: WaitingRun | undefined;
}

/** What is wanted of a run as it is; without statements, what it waits for. */
export interface Decision extends Changes {
  wakeAt?: number | undefined;
  waiting?: WaitingRun;
  /** Jobs for which there is no host: instances may be made for them before this is done. */
  unplaced?: readonly SubmissionRow[] | undefined;
}

/**
 * Brings one run as far as it can go: decides, and decides again on top of that, until nothing changes; what was decided
 * is stored, and done, before anything that depends on its being done. Passes of one run never overlap (engine.ts).
 */
export const passRun = async (deps: EngineDeps, draft: RunDraft): Promise<PassResult> => {
  for (;;) {
    const { run } = draft;
    if (!run || isFinalRun(run.status)) {
      if (!draft.isStored) await draft.commit();
      return { wakeAt: null };
    }
    const jobs = groupByJob(draft.submissions);
    const lost = await endLost(
      deps,
      run,
      jobs.map((job) => job.latest),
    );
    const decision: Decision = lost.length > 0 ? merge(lost) : decide(deps, draft, { run, jobs });
    const { wakeAt, waiting, unplaced, ...changes } = decision;
    // Making instances is a transaction of its own.
    const isFinished = unplaced !== undefined || changes.statements.length === 0;
    if (isFinished && !draft.isStored) {
      await draft.commit();
      continue;
    }
    if (unplaced && (await deps.makeFor(run, unplaced))) {
      await draft.read();
      continue;
    }
    if (changes.statements.length === 0) {
      for (const job of jobs) watchIdle(deps, run, job.latest);
      const expiries = jobs.map((job) => nextExpiry(deps, run, job.latest)).filter((at) => at !== undefined);
      const ahead = deps.clock.now() - deps.clock.steady();
      const at = Math.min(wakeAt ?? Number.POSITIVE_INFINITY, ...expiries.map((steady) => steady + ahead));
      return { wakeAt: Number.isFinite(at) ? at : null, waiting };
    }
    draft.add(changes);
    if (changes.effects.length > 0) await draft.commit();
  }
};

interface Decided {
  run: RunRow;
  jobs: readonly JobAttempts[];
}

const decide = (deps: EngineDeps, draft: RunDraft, { run, jobs }: Decided): Decision => {
  const latest = jobs.map((job) => job.latest);
  const overdue = latest.flatMap((submission) => expire(deps, run, submission));
  if (overdue.length > 0) return merge(overdue);
  const idle = latest.flatMap((submission) => endIdle(deps, run, submission));
  if (idle.length > 0) return merge(idle);
  if (run.status === "terminating") return decideTerminating(deps, run, jobs);
  if (run.status === "pending") return draft.hasEffects ? NOTHING : decidePending(deps, run, jobs);
  const now = deps.clock.now();
  const derived = deriveRun(
    jobs.map((job) => stateOf(run, job, now)),
    { isMasterEnough: isMasterEnough(run) },
  );
  if (derived?.reason) return terminate(deps, run, derived.reason);
  if (derived?.retry) {
    const again = retryReplicas(deps, run, {
      jobs,
      replicas: derived.retry,
      isAll: derived.status === "pending",
    });
    if (again.statements.length > 0 || derived.status === "pending") return again;
  }
  // Whether there is a free host may depend on what was decided and is not done yet.
  if (draft.hasEffects) return NOTHING;
  const settled = settlePlaces(deps, latest);
  if (settled.statements.length > 0) return settled;
  const begun = beginWaiting(deps, run, latest);
  if (begun.statements.length > 0) return begun;
  const unplaced = Map.groupBy(
    latest.filter((job) => job.status === "submitted"),
    (job) => job.replica_num,
  );
  const [only, ...others] = unplaced.values();
  if (only && others.length === 0) return placeReplica(deps, run, only);
  if (unplaced.size > 0)
    return merge([...unplaced.values()].map((replica) => placeReplica(deps, run, replica)));
  if (!derived || derived.status === run.status) return NOTHING;
  return runMove(deps.db, run, { to: derived.status, patch: { last_processed_at: now } });
};

const isMasterEnough = ({ spec }: RunRow): boolean =>
  mergeProfile(spec.profile, spec.configuration).stop_criteria === "master-done";

const terminate = (deps: EngineDeps, run: RunRow, reason: keyof typeof RUN_REASONS): Changes => {
  const patch = { last_processed_at: deps.clock.now(), termination_reason: reason };
  return runMove(deps.db, run, { to: "terminating", patch });
};

const hasGrace = ({ status, stop_grace_ms: graceMs }: SubmissionRow): boolean =>
  status === "terminating" && (graceMs ?? 0) > 0;

/** Ends what is alive; with the last of it the run is over, until its schedule begins it anew. */
const decideTerminating = (deps: EngineDeps, run: RunRow, jobs: readonly JobAttempts[]): Changes => {
  const latest = jobs.map((job) => job.latest);
  const { status, jobs: reason } = RUN_REASONS[run.termination_reason ?? "server_error"];
  const alive = latest.filter((job) => !isFinalJob(job.status) && job.status !== "terminating");
  if (alive.length > 0) return merge(alive.map((job) => endSubmission(deps, job, { run, reason })));
  const hurried = run.termination_reason === "aborted_by_user" ? latest.filter(hasGrace) : [];
  if (hurried.length > 0) return merge(hurried.map((job) => hurrySubmission(deps, job)));
  if (!isTerminated(latest)) return NOTHING;
  const next = isToldByUser(run) ? undefined : rearm(deps, run);
  const patch = next ?? { last_processed_at: deps.clock.now() };
  return runMove(deps.db, run, { to: next ? "pending" : status, patch });
};

/**
 * Tries replicas again: first what is left of them ends, for two attempts at a job never live side by side. Where
 * nothing else is alive the whole run goes back to waiting, bound to no fleet.
 */
const retryReplicas = (
  deps: EngineDeps,
  run: RunRow,
  { jobs, replicas, isAll }: { jobs: readonly JobAttempts[]; replicas: readonly number[]; isAll: boolean },
): Decision => {
  const own = jobs.filter((job) => replicas.includes(job.latest.replica_num));
  const alive = own.map((job) => job.latest).filter((job) => !isFinalJob(job.status));
  const unasked = alive.filter((job) => job.status !== "terminating");
  const end = { run, reason: "terminated_by_server", message: RESUBMITTED } as const;
  if (unasked.length > 0) return merge(unasked.map((job) => endSubmission(deps, job, end)));
  if (alive.length > 0) return NOTHING;
  const now = deps.clock.now();
  if (isAll) {
    const patch = { last_processed_at: now, fleet_id: null };
    return runMove(deps.db, run, { to: "pending", patch });
  }
  const due = replicas.filter((num) => {
    const ofReplica = own.filter((job) => job.latest.replica_num === num);
    return ofReplica.every((job) => retryAt(historyOf(run, job)) <= now);
  });
  const wakeAt = Math.min(...own.map((job) => retryAt(historyOf(run, job))));
  if (due.length === 0) return { ...NOTHING, wakeAt };
  return attemptAgain(deps, run, { jobs, replicas: due, origin: "retry" });
};
