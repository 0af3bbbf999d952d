import {
  isFinalJob,
  type JobReason,
  type JobStatus,
  type RunReason,
  type RunStatus,
} from "../../../shared/states.ts";
import type { Verdict } from "./retry.ts";

/** What the derivation looks at: the latest submission of each job. */
export interface LatestSubmission {
  replica_num: number;
  job_num: number;
  status: JobStatus;
  termination_reason: JobReason | null;
  /** Whether it is to be tried again, where it has failed (retry.ts). */
  retry: Verdict;
}

type Contribution =
  | "failed"
  | "late"
  | "ended"
  | "retry"
  | "sibling"
  | "running"
  | "provisioning"
  | "submitted"
  | "done";

/** Ends that a run was told to come to by its own configuration. */
const BY_POLICY: ReadonlySet<JobReason> = new Set([
  "max_duration_exceeded",
  "inactivity_duration_exceeded",
  "terminated_due_to_utilization_policy",
]);

/** What one job says about its run (docs/spec/lifecycle.md §1.1); a job that was scaled down says nothing. */
const contribution = (job: LatestSubmission): Contribution | undefined => {
  const { status, termination_reason: reason } = job;
  if (status === "done" || (status === "terminating" && reason === "done_by_runner")) return "done";
  if (reason === "scaled_down") return undefined;
  if (status === "running" || status === "submitted") return status;
  if (status === "provisioning" || status === "pulling") return "provisioning";
  if (job.retry === "retry") return "retry";
  if (job.retry === "late") return "late";
  if (reason !== null && BY_POLICY.has(reason)) return "ended";
  return reason === "terminated_by_server" ? "sibling" : "failed";
};

/** What a replica says: of one that has failed only that; of one that is to be tried again nothing else counts. */
const contributionsOf = (jobs: readonly LatestSubmission[]): Set<Contribution> => {
  const said = new Set(jobs.map(contribution).filter((one) => one !== undefined));
  for (const bad of ["failed", "late", "ended", "retry"] as const) if (said.has(bad)) return new Set([bad]);
  return said.has("sibling") ? new Set(["failed"]) : said;
};

export interface DerivedRun {
  status: RunStatus;
  reason?: RunReason;
  /** Replicas of which every job is to be tried again. */
  retry?: number[];
}

/**
 * The status of a run that is not being terminated, from its jobs: the order table of docs/spec/lifecycle.md §1.1.
 * Undefined: no job says anything.
 */
export const deriveRun = (
  jobs: readonly LatestSubmission[],
  { isMasterEnough = false }: { isMasterEnough?: boolean } = {},
): DerivedRun | undefined => {
  const replicas = Map.groupBy(jobs, (job) => job.replica_num);
  const said = new Set<Contribution>();
  const retry: number[] = [];
  for (const [num, replica] of replicas) {
    const own = contributionsOf(replica);
    if (own.has("retry")) retry.push(num);
    for (const one of own) said.add(one);
  }
  if (said.has("failed")) return { status: "terminating", reason: "job_failed" };
  if (said.has("late")) return { status: "terminating", reason: "retry_limit_exceeded" };
  // The reference has such runs fail (§9, quirk 1).
  if (said.has("ended")) return { status: "terminating", reason: "ended_by_policy" };
  if (isMasterEnough && jobs.some((job) => job.job_num === 0 && job.status === "done"))
    return { status: "terminating", reason: "all_jobs_done" };
  const retried = retry.length > 0 ? { retry } : {};
  for (const status of ["running", "provisioning", "submitted"] as const)
    if (said.has(status)) return { status, ...retried };
  if (retry.length > 0) return { status: "pending", retry };
  if (said.has("done")) return { status: "terminating", reason: "all_jobs_done" };
  return undefined;
};

/** A run that is being terminated is final when all its jobs are. */
export const isTerminated = (jobs: readonly Pick<LatestSubmission, "status">[]): boolean =>
  jobs.every((job) => isFinalJob(job.status));
