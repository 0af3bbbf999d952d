import { isFinalJob } from "../../shared/states.ts";
import { jobCreated } from "../domain/events/jobEvents.ts";
import { reasonOfLoss } from "../domain/runs/retry.ts";
import type { RunRow } from "../store/runs.ts";
import { insertSubmissions, type NewSubmissionRow, type SubmissionRow } from "../store/submissions.ts";
import { endsInSilence } from "./attempts.ts";
import { type Changes, merge } from "./changes.ts";
import { finishSubmission } from "./endings.ts";
import { CLAIM_TIMEOUT_MS, type EngineDeps, STOP_MARGIN_MS } from "./engineDeps.ts";

/**
 * What has waited too long: an assignment that no agent confirmed, a stop that no agent reported done, a job whose
 * host is silent while it could go on elsewhere.
 */
export const expire = (deps: EngineDeps, run: RunRow, submission: SubmissionRow): Changes[] => {
  const at = nextExpiry(deps, run, submission);
  if (at === undefined || at > deps.clock.steady()) return [];
  const { project_id: projectId } = run;
  if (submission.status === "terminating")
    return [
      finishSubmission(deps, submission, { projectId, reason: "terminated_by_server", abandoned: true }),
    ];
  if (isUnconfirmed(submission) && submission.job_spec.jobs_per_replica === 1)
    return [claimAnew(deps, submission, projectId)];
  const message = isUnconfirmed(submission)
    ? "The host did not take the job"
    : "The host was silent for too long";
  return [
    finishSubmission(deps, submission, {
      projectId,
      reason: isUnconfirmed(submission) ? "instance_unreachable" : reasonOfLoss(submission),
      message,
      abandoned: true,
    }),
  ];
};

/** When `expire` has something to say of the submission, as far as it is known now; steady time. */
export const nextExpiry = (deps: EngineDeps, run: RunRow, submission: SubmissionRow): number | undefined => {
  const { id, status } = submission;
  if (isFinalJob(status) || status === "submitted") return undefined;
  if (status === "terminating") {
    const lostAt = run.status === "terminating" ? undefined : silentUntil(deps, run, submission);
    const stoppedAt = deps.waits.since(id, "stop") + (submission.stop_grace_ms ?? 0) + STOP_MARGIN_MS;
    // A stop for another attempt waits until the host itself is sure to have ended the job.
    return Math.max(stoppedAt, lostAt ?? 0);
  }
  // A node that waits for its turn was told to no host yet.
  if (submission.assigned_at === null) return undefined;
  const claimedAt = deps.waits.since(id, "claim");
  if (isUnconfirmed(submission)) return claimedAt + CLAIM_TIMEOUT_MS;
  const entry = deps.capacity.get(submission.instance_id ?? "");
  if (entry && !entry.instance.unreachable) return undefined;
  return silentUntil(deps, run, submission);
};

const isUnconfirmed = (submission: SubmissionRow): boolean =>
  submission.status === "provisioning" && submission.acknowledged_at === null;

/** By then the agent of a host that stays silent has ended the job by its own clock. */
const silentUntil = (deps: EngineDeps, run: RunRow, submission: SubmissionRow): number | undefined => {
  if (!endsInSilence(run, submission)) return undefined;
  const heardAt = deps.agents.heardAt(submission.instance_id ?? "");
  return Math.max(heardAt, deps.waits.since(submission.id, "claim")) + deps.patience.lostAfterMs;
};

/** The host never took it, or let it go unconfirmed: fence this attempt for good and make a new one of the same job. */
export const claimAnew = (deps: EngineDeps, submission: SubmissionRow, projectId: string): Changes => {
  const now = deps.clock.now();
  const next: NewSubmissionRow = {
    id: crypto.randomUUID(),
    run_id: submission.run_id,
    replica_num: submission.replica_num,
    job_num: submission.job_num,
    submission_num: submission.submission_num + 1,
    deployment_num: submission.deployment_num,
    job_spec: submission.job_spec,
    status: "submitted",
    submitted_at: now,
    last_processed_at: now,
  };
  return merge([
    finishSubmission(deps, submission, { projectId, reason: "instance_unreachable", abandoned: true }),
    {
      statements: insertSubmissions(deps.db, [next]),
      events: [jobCreated({ ...next, project_id: projectId }, "retry")],
      effects: [],
    },
  ]);
};
