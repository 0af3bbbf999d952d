import { type JobStatus, jobSources } from "../../../shared/states.ts";
import type { NewEvent } from "../../store/events.ts";
import { type StatusChange, statusChanged } from "./statusText.ts";
import { aboutInstance, aboutJob, type TellableInstance, type TellableJob } from "./subjects.ts";

/** How an attempt came about: with its run, in the place of one that failed, or with its run beginning anew. */
export type JobOrigin = "run submission" | "retry" | "new submission";

export const jobCreated = (job: TellableJob, origin: JobOrigin): NewEvent => ({
  message: `Job created on ${origin}. Status: SUBMITTED`,
  targets: [aboutJob(job)],
});

/** What `moveSubmission` does to an attempt that is in `from`; nothing, where its guard will refuse. */
export const jobMoved = (job: TellableJob, change: StatusChange<JobStatus>): NewEvent[] =>
  jobSources(change.to).includes(change.from)
    ? [{ message: statusChanged("Job", change), targets: [aboutJob(job)] }]
    : [];

/** How much of a host is in use once the job has come or gone. */
export interface BlockUse {
  busy: number;
  total: number;
}

const blocks = ({ busy, total }: BlockUse): string => `Instance blocks: ${busy}/${total} busy`;

/**
 * An event belongs to one project. Where a job is on a host that another project shares, each is told of what is its own:
 * the owner of the host learns that it is in use, and nothing of the job.
 */
const jobOnHost = (message: string, job: TellableJob, instance: TellableInstance): NewEvent[] => {
  const targets = [aboutJob(job), aboutInstance(instance)];
  if (job.project_id === instance.project_id) return [{ message, targets }];
  return targets.map((target) => ({ message, targets: [target] }));
};

export const jobAssigned = (job: TellableJob, instance: TellableInstance, use: BlockUse): NewEvent[] =>
  jobOnHost(`Job assigned to instance. ${blocks(use)}`, job, instance);

export const jobUnassigned = (job: TellableJob, instance: TellableInstance, use: BlockUse): NewEvent[] =>
  jobOnHost(`Job unassigned from instance. ${blocks(use)}`, job, instance);

/** The job has been asked to end by itself, and is killed when the time is over. */
export const jobStopRequested = (job: TellableJob, graceMs: number): NewEvent => ({
  message: `Job graceful stop requested. Grace period: ${Math.round(graceMs / 1000)}s`,
  targets: [aboutJob(job)],
});

export const jobReachable = (job: TellableJob, isReachable: boolean): NewEvent => ({
  message: isReachable ? "Job became reachable" : "Job became unreachable",
  targets: [aboutJob(job)],
});
