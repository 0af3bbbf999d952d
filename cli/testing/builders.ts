import type { JobSubmission } from "../../shared/api/jobs.ts";
import { Run, RunPlan } from "../../shared/api/runs.ts";
import type { JobStatus } from "../../shared/states.ts";

const RUN_ID = "6b1e4c1e-4a2b-4c53-9d3e-2f1a0b9c8d7e";
export const SUBMISSION_ID = "0f8c1a52-7b3d-4e6f-8a91-5c2d3e4f5a6b";

const TIME = "2026-01-01T00:00:00.000000Z";

const runSpec = {
  run_name: "talker",
  configuration: { type: "task", name: "talker", commands: ["echo"] },
};

const jobSpec = {
  job_num: 0,
  job_name: "talker-0-0",
  commands: ["echo"],
  env: {},
  image_name: "",
  requirements: { resources: {} },
};

/** The state of the one job of a run in each state. */
const JOB: Record<Run["status"], Pick<JobSubmission, "status" | "status_message" | "termination_reason">> = {
  pending: { status: "submitted", status_message: "submitted", termination_reason: null },
  submitted: { status: "submitted", status_message: "submitted", termination_reason: null },
  provisioning: { status: "provisioning", status_message: "provisioning", termination_reason: null },
  running: { status: "running", status_message: "running", termination_reason: null },
  terminating: { status: "terminating", status_message: "terminating", termination_reason: "done_by_runner" },
  terminated: { status: "terminated", status_message: "stopped", termination_reason: "terminated_by_user" },
  failed: {
    status: "failed",
    status_message: "exited (1)",
    termination_reason: "container_exited_with_error",
  },
  done: { status: "done", status_message: "exited (0)", termination_reason: "done_by_runner" },
};

interface SubmissionOptions {
  readonly exitStatus?: number | undefined;
  readonly changes?: Partial<Record<keyof JobSubmission, unknown>>;
}

/** A run of one task with one job, as the wire has it. */
export const aRun = (
  status: Run["status"],
  exitStatus?: number,
  changes: SubmissionOptions["changes"] = {},
): Run => {
  const submission = {
    id: SUBMISSION_ID,
    submission_num: 0,
    submitted_at: TIME,
    last_processed_at: TIME,
    exit_status: exitStatus ?? null,
    ...JOB[status],
    ...changes,
  };
  return Run.parse({
    id: RUN_ID,
    project_name: "main",
    user: "admin",
    submitted_at: TIME,
    last_processed_at: TIME,
    status,
    status_message: status,
    run_spec: runSpec,
    jobs: [{ job_spec: jobSpec, job_submissions: [submission] }],
    latest_job_submission: submission,
  });
};

/** A run whose jobs are in these states, in the order of their nodes. */
export const aRunOfJobs = (
  status: Run["status"],
  jobs: readonly { status: JobStatus; changes?: object }[],
): Run => {
  const run = aRun(status);
  const [first] = run.jobs;
  if (!first) throw new Error("A run has a job");
  return {
    ...run,
    jobs: jobs.map(({ status: jobStatus, changes }, at) => ({
      ...first,
      job_spec: { ...first.job_spec, job_num: at },
      job_submissions: first.job_submissions.map((each) => ({
        ...each,
        status: jobStatus,
        status_message: jobStatus,
        ...changes,
      })),
    })),
  };
};

export const aPlan = (): RunPlan =>
  RunPlan.parse({
    project_name: "main",
    user: "admin",
    run_spec: runSpec,
    effective_run_spec: runSpec,
    job_plans: [{ job_spec: jobSpec, offers: [anOffer], total_offers: 1 }],
    current_resource: null,
    action: "create",
  });

const anOffer = {
  backend: "remote",
  instance: { name: "instance", resources: { cpus: 2, memory_mib: 2048, gpus: [], spot: false } },
  region: "remote",
  price: 0,
  availability: "idle",
};
