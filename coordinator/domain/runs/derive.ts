import {
  isFinalJob,
  type JobReason,
  type JobStatus,
  type RunReason,
  type RunStatus,
} from "../../../shared/states.ts";

/** What the derivation looks at: the latest submission of each job. */
export interface LatestSubmission {
  status: JobStatus;
  termination_reason: JobReason | null;
}

type Contribution = "failed" | "running" | "provisioning" | "submitted" | "done";

/**
 * What one job says about its run (docs/spec/lifecycle.md §1.1). Without a retry policy everything that
 * failed or was ended is a failure; a job scaled down says nothing.
 */
const contribution = ({ status, termination_reason: reason }: LatestSubmission): Contribution | undefined => {
  if (status === "done" || (status === "terminating" && reason === "done_by_runner")) return "done";
  if (reason === "scaled_down") return undefined;
  if (status === "running" || status === "submitted") return status;
  if (status === "provisioning" || status === "pulling") return "provisioning";
  return "failed";
};

export interface DerivedRun {
  status: RunStatus;
  reason?: RunReason;
}

/** The status of a run that is not being terminated, from its jobs; undefined: no job says anything. */
export const deriveRun = (jobs: readonly LatestSubmission[]): DerivedRun | undefined => {
  const said = new Set(jobs.map(contribution));
  if (said.has("failed")) return { status: "terminating", reason: "job_failed" };
  for (const status of ["running", "provisioning", "submitted"] as const)
    if (said.has(status)) return { status };
  if (said.has("done")) return { status: "terminating", reason: "all_jobs_done" };
  return undefined;
};

/** A run that is being terminated is final when all its jobs are. */
export const isTerminated = (jobs: readonly LatestSubmission[]): boolean =>
  jobs.every((job) => isFinalJob(job.status));
