import { RunSpec } from "../../shared/api/runs.ts";
import { getJobSpecs } from "../../shared/config/jobSpecs.ts";
import type { NewRunRow } from "../store/runs.ts";
import type { NewSubmissionRow } from "../store/submissions.ts";

const ID = "run";
const spec = RunSpec.parse({
  run_name: ID,
  configuration: { type: "task", commands: ["true"] },
  ssh_key_pub: "",
});
const [jobSpec] = getJobSpecs(spec, { runName: ID, defaultPython: "3.12" });

/** A task that was just submitted, under the id `run`. */
export const aRun = (): NewRunRow => ({
  id: ID,
  project_id: "p",
  user_id: "u",
  name: ID,
  spec,
  status: "submitted",
  submitted_at: 0,
  last_processed_at: 0,
});

/** An attempt at its only job, under the id `attempt-<num>`. */
export const anAttempt = (num: number): NewSubmissionRow => {
  if (!jobSpec) throw new Error("A task has a job");
  return {
    id: `attempt-${num}`,
    run_id: ID,
    replica_num: 0,
    job_num: 0,
    submission_num: num,
    job_spec: jobSpec,
    status: "submitted",
    submitted_at: 0,
    last_processed_at: 0,
  };
};
