import type { Job } from "../../shared/api/jobs.ts";
import type { Run } from "../../shared/api/runs.ts";
import { AppError } from "../../shared/errors.ts";
import type { Api } from "../api/client.ts";
import { findRun, getRun } from "../api/runs.ts";

export interface WantedJob {
  /** Undefined: any that runs, else the lowest. */
  readonly replica: number | undefined;
  readonly job: number;
}

/** Node 0 of the first replica that runs, or of the first one there is. */
export const MAIN_JOB: WantedJob = { replica: undefined, job: 0 };

export const findJob = (run: Run, { replica, job }: WantedJob): Job | undefined => {
  const fitting = run.jobs
    .filter(
      ({ job_spec: spec }) => spec.job_num === job && spec.replica_num === (replica ?? spec.replica_num),
    )
    .sort((a, b) => a.job_spec.replica_num - b.job_spec.replica_num);
  return fitting.find((one) => one.job_submissions.at(-1)?.status === "running") ?? fitting[0];
};

/** The job that is meant. Throws where the run has none such (docs/spec/cli.md §6.1). */
export const jobOf = (run: Run, wanted: WantedJob): Job => {
  const found = findJob(run, wanted);
  if (found) return found;
  throw new AppError(
    "not_found",
    `Failed to find replica=${wanted.replica ?? "<any running>"} job=${wanted.job}`,
  );
};

/** `<run>-<job>-<replica>` (docs/spec/cli.md §6.3). */
const JOB_NAME = /^(.+)-(\d+)-(\d+)$/;

export interface WantedPart {
  readonly replica: number | undefined;
  readonly job: number | undefined;
}

/** A run by its name, or a job of one by its own. */
export const getWanted = async (
  api: Api,
  name: string,
  { replica, job }: WantedPart,
): Promise<{ run: Run; wanted: WantedJob }> => {
  const [, runName, jobNum, replicaNum] = JOB_NAME.exec(name) ?? [];
  const isJob = runName !== undefined && replica === undefined && job === undefined;
  const run = isJob ? await findRun(api, { name }) : await getRun(api, { name });
  if (run) return { run, wanted: { replica, job: job ?? 0 } };
  const ofJob = await findRun(api, { name: runName ?? name });
  if (ofJob) return { run: ofJob, wanted: { replica: Number(replicaNum), job: Number(jobNum) } };
  return { run: await getRun(api, { name }), wanted: { replica, job: job ?? 0 } };
};
