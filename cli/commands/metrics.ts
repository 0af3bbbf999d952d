import type { Job } from "../../shared/api/jobs.ts";
import type { Run } from "../../shared/api/runs.ts";
import { AppError } from "../../shared/errors.ts";
import type { Api } from "../api/client.ts";
import { getJobMetrics } from "../api/metrics.ts";
import { openApi } from "../api/open.ts";
import { getRun } from "../api/runs.ts";
import { defineCommand } from "../args/command.ts";
import { flag, integer, one, value } from "../args/option.ts";
import { projectOption } from "../args/resolve.ts";
import { watchTable } from "../output/watch.ts";
import { type JobMetrics, renderMetrics } from "../views/metrics/render.ts";

/** No sample comes sooner. */
const EVERY_MS = 10_000;

export const command = defineCommand({
  description:
    "Show what a run uses of its hosts, and has used in the last hour: processors, memory, and each of its GPUs.",
  options: {
    project: projectOption,
    watch: flag("-w, --watch", "Show it again every ten seconds"),
    replica: value("--replica N", "Only the jobs of this replica", integer),
    job: value("--job N", "Only the job of this number, that is of this node", integer),
    json: flag("--json", "As JSON, with all series that there are"),
  },
  args: { name: one("RUN", "The name of the run", "anyRun") },
  run: async (ctx, { project, watch, replica, job, json, name }) => {
    if (json && watch) throw new AppError("invalid", "JSON output is not supported together with --watch");
    const api = await openApi(ctx, { project });
    const fetchMetrics = async () => {
      const jobs = selectJobs(await getRun(api, { name }), { name, replica, job });
      return Promise.all(jobs.map((each) => metricsOf(api, name, each)));
    };
    if (json) {
      const jobs = (await fetchMetrics()).map(jsonOf);
      ctx.out.write(`${JSON.stringify({ project: api.connection.project, run_name: name, jobs })}\n`);
      return;
    }
    const render = async () => renderMetrics(ctx.out, await fetchMetrics(), ctx.clock.now());
    if (watch) await watchTable(ctx, render, { everyMs: EVERY_MS });
    else ctx.out.write(await render());
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
