import type { JobSubmission } from "../../shared/api/jobs.ts";
import type { Run } from "../../shared/api/runs.ts";
import { fromWireTime } from "../../shared/api/scalars.ts";
import { isFinalRun, type JobStatus } from "../../shared/states.ts";
import { findJob, MAIN_JOB, type WantedJob } from "../attach/wantedJob.ts";
import { pullPace } from "../views/pullProgress.ts";
import { isDeploying } from "../views/runs.ts";

const BEFORE_RUNNING: readonly JobStatus[] = ["submitted", "provisioning", "pulling"];

/** Of the job whose output is shown. */
export const newestSubmissionId = (run: Run, wanted: WantedJob = MAIN_JOB): string | undefined =>
  newest(run, wanted)?.id;

const newest = (run: Run, wanted: WantedJob): JobSubmission | undefined =>
  findJob(run, wanted)?.job_submissions.at(-1);

/** Ends of a command that did run, however short. */
const AFTER_RUNNING = ["done_by_runner", "container_exited_with_error"];

/** Running, with its output to be shown; or over (docs/spec/cli.md §4, step 12). */
export const isUp = (run: Run, wanted: WantedJob = MAIN_JOB): boolean => {
  if (isFinalRun(run.status)) return true;
  if (run.status === "terminating") {
    return AFTER_RUNNING.includes(newest(run, wanted)?.termination_reason ?? "");
  }
  if (run.status !== "running" || isDeploying(run)) return false;
  const status = newest(run, wanted)?.status;
  return status !== undefined && !BEFORE_RUNNING.includes(status);
};

/** What is said while the run is not up yet. */
export const waitingText = (run: Run): string => {
  const name = run.run_spec.run_name;
  if (run.status === "pending" && run.next_triggered_at) {
    return `${name} is waiting for schedule... Next run: ${localMinute(fromWireTime(run.next_triggered_at))}`;
  }
  const { configuration } = run.run_spec;
  const isIdle = run.jobs.every((job) => job.job_submissions.at(-1)?.termination_reason === "scaled_down");
  if (
    configuration.type === "service" &&
    isIdle &&
    (run.status === "pending" || run.status === "submitted")
  ) {
    return `${name} is waiting for requests...`;
  }
  const main = newest(run, MAIN_JOB);
  const pace = main?.status === "pulling" && main.image_pull_progress && pullPace(main.image_pull_progress);
  return pace ? `Pulling the image of ${name}: ${pace}...` : `Launching ${name}...`;
};

/** `2026-01-31 09:30 UTC` */
const localMinute = (ms: number): string => {
  const date = new Date(ms);
  const two = (number: number) => String(number).padStart(2, "0");
  const zone = new Intl.DateTimeFormat("en", { timeZoneName: "short" })
    .formatToParts(date)
    .find((part) => part.type === "timeZoneName")?.value;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())} ${zone ?? ""}`.trim();
};
