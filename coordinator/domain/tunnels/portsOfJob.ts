import type { JobSpec } from "../../../shared/api/jobs.ts";
import type { RunSpec } from "../../../shared/api/runs.ts";
import type { Deps } from "../../deps.ts";
import type { RunRow } from "../../store/runs.ts";
import type { SubmissionRow } from "../../store/submissions.ts";
import { jobSpecsOf } from "../runs/effectiveSpec.ts";

type OneJob = Pick<JobSpec, "replica_num" | "job_num" | "app_specs">;

/** Rows are never changed in place: another configuration is another object (store/rowCache.ts, parseOnce.ts). */
const known = new WeakMap<RunSpec, OneJob[]>();

/**
 * The ports that the configuration names for a job, as it is now. Reading a configuration takes longer than all else that
 * a new connection costs here, so what was read is kept as long as its row is.
 */
export const portsOfJob = (
  deps: Pick<Deps, "config">,
  { spec, name }: Pick<RunRow, "spec" | "name">,
  { replica_num, job_num }: Pick<SubmissionRow, "replica_num" | "job_num">,
): number[] => {
  let jobs = known.get(spec);
  if (!jobs) {
    jobs = jobSpecsOf(deps, spec, name);
    known.set(spec, jobs);
  }
  const job = jobs.find((one) => one.job_num === job_num && one.replica_num === replica_num);
  return [...new Set(job?.app_specs.map(({ port }) => port))];
};
