import type { Job, JobSubmission } from "../../shared/api/jobs.ts";
import type { Run } from "../../shared/api/runs.ts";
import { fromWireTime } from "../../shared/api/scalars.ts";
import { formatResources } from "../../shared/resources/format.ts";
import { isFinalJob, isFinalRun } from "../../shared/states.ts";
import type { Output } from "../context.ts";
import { type Column, type Row, renderTable } from "../output/table.ts";
import { longDuration } from "../output/time.ts";
import { backendAndRegion, price } from "./price.ts";
import { pullProgress } from "./pullProgress.ts";
import { gpuCell } from "./resources.ts";
import { jobStyle, runStyle } from "./statusStyle.ts";

export interface RunTableOptions {
  readonly isVerbose: boolean;
  /** How the time of submission is shown. */
  readonly time: (ms: number) => string;
}

type Cells = Record<string, Row["cells"][number]>;

/** The table of `ps`, and of `apply` when a run is up (docs/spec/cli.md §7.3). */
export const renderRuns = (out: Output, runs: readonly Run[], options: RunTableOptions): string => {
  const hasProbes = options.isVerbose || runs.some((run) => isDeploying(run) && hasProbesIn(run));
  const columns: Column[] = [
    { title: "NAME", isWhole: true },
    { title: "BACKEND" },
    ...(options.isVerbose ? [{ title: "RESOURCES" }, { title: "INSTANCE TYPE" }] : [{ title: "GPU" }]),
    { title: "PRICE", isWhole: true },
    { title: "STATUS", isWhole: true },
    ...(hasProbes ? [{ title: "PROBES", isWhole: true }] : []),
    { title: "SUBMITTED", isWhole: true },
    ...(options.isVerbose ? [{ title: "ERROR" }] : []),
  ];
  const rows = runs.flatMap((run) =>
    rowsOf(run, options).map(({ cells, isDimmed }) => ({
      cells: columns.map((column) => cells[column.title] ?? ""),
      ...(isDimmed && { style: "dim" as const }),
    })),
  );
  return renderTable(out, columns, rows);
};

const rowsOf = (run: Run, options: RunTableOptions): { cells: Cells; isDimmed: boolean }[] => {
  const isService = run.run_spec.configuration.type === "service";
  const showsDeployment = isDeploying(run) || (options.isVerbose && isService);
  const suffix = showsDeployment ? ` deployment=${run.deployment_num}` : "";
  const own: Cells = {
    NAME: { text: `${run.run_spec.run_name ?? ""}${suffix}`, style: isFinalRun(run.status) ? [] : "bold" },
    RESOURCES: "-",
    GPU: "-",
    PRICE: "-",
    STATUS: { text: run.status_message || run.status, style: runStyle(run) },
    SUBMITTED: options.time(fromWireTime(run.submitted_at)),
    ERROR: run.queue ? `#${run.queue.position} in the queue: ${run.queue.reason}` : (run.error ?? ""),
  };
  const [first] = run.jobs;
  if (first && run.jobs.length === 1 && !showsDeployment) {
    const { NAME = "", SUBMITTED = "" } = own;
    const job = jobCells(first, options);
    return [
      {
        cells: { ...own, ...job, NAME, SUBMITTED, ERROR: job["ERROR"] || own["ERROR"] || "" },
        isDimmed: false,
      },
    ];
  }
  const labels = jobLabels(run.jobs);
  const jobs = run.jobs.map((job, at) => {
    const deployment = showsDeployment ? ` deployment=${latest(job)?.deployment_num ?? 0}` : "";
    return { cells: { ...jobCells(job, options), NAME: `   ${labels[at]}${deployment}` }, isDimmed: true };
  });
  return [{ cells: own, isDimmed: false }, ...jobs];
};

const latest = (job: Job): JobSubmission | undefined => job.job_submissions.at(-1);

/** An update is rolling out: some live job still belongs to another deployment. */
export const isDeploying = (run: Run): boolean =>
  run.jobs.some((job) => {
    const submission = latest(job);
    return submission && !isFinalJob(submission.status) && submission.deployment_num !== run.deployment_num;
  });

const hasProbesIn = (run: Run): boolean => run.jobs.some((job) => job.job_spec.probes.length > 0);

/** What tells the jobs of a run apart, and nothing more: `replica=1 job=0`. */
const jobLabels = (jobs: readonly Job[]): string[] => {
  const several = <T>(pick: (job: Job) => T) => new Set(jobs.map(pick)).size > 1;
  const byGroup = several((job) => job.job_spec.replica_group);
  const byReplica = several((job) => job.job_spec.replica_num);
  const byJob = several((job) => job.job_spec.job_num);
  let groupBefore: string | undefined;
  return jobs.map(({ job_spec: spec }) => {
    const group = `group=${spec.replica_group} `;
    const groupPart = spec.replica_group === groupBefore ? " ".repeat(group.length) : group;
    groupBefore = spec.replica_group;
    return [
      byGroup ? groupPart.slice(0, -1) : "",
      byReplica || byGroup ? `replica=${spec.replica_num}` : "",
      byJob ? `job=${spec.job_num}` : "",
    ]
      .filter((part) => part !== "")
      .join(" ");
  });
};

const jobCells = (job: Job, options: RunTableOptions): Cells => {
  const submission = latest(job);
  if (!submission) return {};
  return {
    ...placeCells(submission),
    STATUS: { text: statusText(submission, options), style: jobStyle(submission) },
    PROBES: submission.status === "running" ? probeMarks(job, submission) : "",
    SUBMITTED: options.time(fromWireTime(submission.submitted_at)),
    ERROR: submission.error ?? "",
  };
};

/** Where it runs. A part of an instance is shown as that part. */
const placeCells = (submission: JobSubmission): Cells => {
  const placed = submission.job_provisioning_data;
  if (!placed) return { RESOURCES: "-", GPU: "-", PRICE: "-" };
  const offer = submission.job_runtime_data?.offer;
  const part = offer && offer.total_blocks > 1 ? offer : undefined;
  const resources = part?.instance.resources ?? placed.instance_type.resources;
  const spot = resources.spot ? " (spot)" : "";
  return {
    BACKEND: backendAndRegion(placed.backend, placed.region),
    RESOURCES: formatResources(resources),
    GPU: gpuCell(resources),
    "INSTANCE TYPE": [
      placed.instance_type.name,
      part ? ` (${part.blocks}/${part.total_blocks})` : "",
      placed.reservation ? ` (${placed.reservation})` : "",
    ].join(""),
    PRICE: `${price(part?.price ?? placed.price)}${spot}`,
  };
};

const statusText = (submission: JobSubmission, options: RunTableOptions): string => {
  const word = submission.status_message || submission.status;
  if (submission.status === "pulling" && submission.image_pull_progress) {
    return `${word} ${pullProgress(submission.image_pull_progress)}`;
  }
  const idle = submission.inactivity_secs;
  return options.isVerbose && idle ? `${word} (inactive for ${longDuration(idle)})` : word;
};

const probeMarks = (job: Job, submission: JobSubmission): string =>
  submission.probes
    .map(({ success_streak: streak }, at) => {
      if (streak === 0) return "×";
      return streak >= (job.job_spec.probes[at]?.ready_after ?? 1) ? "✓" : "~";
    })
    .join("");
