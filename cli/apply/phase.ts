import type { Job } from "../../shared/api/jobs.ts";
import type { Run } from "../../shared/api/runs.ts";
import { fromWireTime } from "../../shared/api/scalars.ts";
import { isFinalRun, type JobStatus } from "../../shared/states.ts";
import { pullPace } from "../views/pullProgress.ts";
import { isDeploying } from "../views/runs.ts";

const BEFORE_RUNNING: readonly JobStatus[] = ["submitted", "provisioning", "pulling"];

/** The job whose output is shown: node 0 of the first replica that runs, or of the first one there is. */
const mainJob = (run: Run): Job | undefined => {
  const masters = run.jobs.filter((job) => job.job_spec.job_num === 0);
  return masters.find((job) => job.job_submissions.at(-1)?.status === "running") ?? masters[0];
};

export const mainSubmissionId = (run: Run): string | undefined => mainJob(run)?.job_submissions.at(-1)?.id;

/** Ends of a command that did run, however short. */
const AFTER_RUNNING = ["done_by_runner", "container_exited_with_error"];

/** Running, with its output to be shown; or over (docs/spec/cli.md §4, step 12). */
export const isUp = (run: Run): boolean => {
  if (isFinalRun(run.status)) return true;
  if (run.status === "terminating") {
    return AFTER_RUNNING.includes(mainJob(run)?.job_submissions.at(-1)?.termination_reason ?? "");
  }
  if (run.status !== "running" || isDeploying(run)) return false;
  const status = mainJob(run)?.job_submissions.at(-1)?.status;
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
  const main = mainJob(run)?.job_submissions.at(-1);
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
