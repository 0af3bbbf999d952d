import type { Job } from "../../shared/api/jobs.ts";
import type { Run } from "../../shared/api/runs.ts";
import { AppError } from "../../shared/errors.ts";
import type { Api } from "../api/client.ts";
import { getJobMetrics } from "../api/metrics.ts";
import { getRun } from "../api/runs.ts";
import { defineCommand } from "../args/command.ts";
import { flag, integer, one, value } from "../args/option.ts";
import { projectOption } from "../args/resolve.ts";
import { formatOptions } from "../output/format.ts";
import { type JobMetrics, renderMetrics } from "../views/metrics/render.ts";
import { show } from "./show.ts";

/** No sample comes sooner. */
const EVERY_MS = 10_000;

export const command = defineCommand({
  description:
    "Show what a run uses of its hosts, and has used in the last hour: processors, memory, and each of its GPUs.",
  options: {
    project: projectOption,
    replica: value("--replica N", "Only the jobs of this replica", integer),
    job: value("--job N", "Only the job of this number, that is of this node", integer),
    watch: flag("-w, --watch", "Show it again every ten seconds"),
    ...formatOptions,
  },
  args: { name: one("RUN", "The name of the run", "anyRun") },
  run: async (ctx, { replica, job, name, ...wish }) => {
    await show(ctx, wish, {
      fetch: async (api) => {
        const jobs = selectJobs(await getRun(api, { name }), { name, replica, job });
        return Promise.all(jobs.map((each) => metricsOf(api, name, each)));
      },
      // All series that there are.
      data: (jobs, project) => ({ project, run_name: name, jobs: jobs.map(jsonOf) }),
      table: (jobs) => renderMetrics(ctx.out, jobs, ctx.clock.now()),
      everyMs: EVERY_MS,
    });
  },
});

interface Wanted {
  readonly name: string;
  readonly replica: number | undefined;
  readonly job: number | undefined;
}

const selectJobs = ({ jobs }: Run, { name, replica, job }: Wanted): Job[] => {
  const found = jobs.filter(
    ({ job_spec: spec }) =>
      (replica === undefined || spec.replica_num === replica) && (job === undefined || spec.job_num === job),
  );
  if (found.length > 0) return found;
  if (jobs.length === 0) throw new AppError("not_found", `Run ${name} has no jobs yet`);
  const wanted = [
    ...(replica === undefined ? [] : [`replica=${replica}`]),
    ...(job === undefined ? [] : [`job=${job}`]),
  ];
  throw new AppError("not_found", `Run ${name} has no job matching ${wanted.join(" ")}`);
};

const metricsOf = async (api: Api, runName: string, job: Job): Promise<JobMetrics> => {
  const { replica_num: replicaNum, job_num: jobNum } = job.job_spec;
  return { job, metrics: (await getJobMetrics(api, { runName, replicaNum, jobNum })).metrics };
};

const jsonOf = ({ job, metrics }: JobMetrics) => ({
  replica_num: job.job_spec.replica_num,
  job_num: job.job_spec.job_num,
  job_name: job.job_spec.job_name,
  metrics,
});
