import type { InstanceMetricsQuery, JobMetricsQuery, Metrics } from "../../../shared/api/metrics.ts";
import { fromWireTime } from "../../../shared/api/scalars.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import { findInstanceByName } from "../../store/instances.ts";
import { findRun, findRunByName } from "../../store/runs.ts";
import { findLatestSubmission } from "../../store/submissions.ts";
import { listHostPoints, listJobPoints, type PointFilter } from "../../store/usage.ts";
import { hostSeries, jobSeries } from "./series.ts";

/** More than are kept of anything. */
const MOST_POINTS = 10_000;

/** Of the latest attempt at the job; a run that was deleted is found by its id alone. */
export const getJobMetrics = async (
  deps: Deps,
  projectId: string,
  { runName, query }: { runName: string; query: JobMetricsQuery },
): Promise<Metrics> => {
  const { run_id: runId, replica_num, job_num } = query;
  const run =
    runId === undefined ? await findRunByName(deps.db, projectId, runName) : await findRun(deps.db, runId);
  const submission =
    run?.project_id === projectId && run.name === runName
      ? await findLatestSubmission(deps.db, run.id, { replica_num, job_num })
      : undefined;
  if (!submission) throw new AppError("not_found", "Found no job with given parameters");
  const { runtime_data, provisioning_data } = submission;
  const resources = runtime_data?.offer?.instance.resources ?? provisioning_data?.instance_type.resources;
  const points = await listJobPoints(deps.db, submission.id, filterOf(query));
  return { metrics: jobSeries(points, resources) };
};

export const getInstanceMetrics = async (
  deps: Deps,
  projectId: string,
  { name, query }: { name: string; query: InstanceMetricsQuery },
): Promise<Metrics> => {
  const instance = await findInstanceByName(deps.db, projectId, name);
  if (!instance) throw new AppError("not_found", "Resource not found");
  const points = await listHostPoints(deps.db, instance.id, filterOf(query));
  return { metrics: hostSeries(points, instance.inventory.cpus) };
};

/** One point more than is asked for: what happened between two of them is told for the second. */
const filterOf = ({ limit, after, before }: InstanceMetricsQuery): PointFilter => ({
  after: after === undefined ? undefined : fromWireTime(after),
  before: before === undefined ? undefined : fromWireTime(before),
  limit: Math.min(limit, MOST_POINTS) + 1,
});
