import { RunSpec } from "../../shared/api/runs.ts";
import { getJobSpecs } from "../../shared/config/jobSpecs.ts";
import type { WaitingRun } from "../engine/waitingOrder.ts";
import type { RunRow } from "../store/runs.ts";

/** A task that waits for hosts, submitted `at`. */
export const aWaitingRun = (
  name: string,
  {
    at,
    projectId = "p",
    ...more
  }: {
    at: number;
    projectId?: string;
    nodes?: number;
    priority?: number;
    resources?: Record<string, unknown>;
  },
): WaitingRun => {
  const configuration = { type: "task", commands: ["true"], ...more };
  const spec = RunSpec.parse({ run_name: name, configuration, ssh_key_pub: "" });
  const run: RunRow = {
    id: name,
    project_id: projectId,
    user_id: "u",
    fleet_id: null,
    name,
    status: "pending",
    termination_reason: null,
    spec,
    priority: more.priority ?? 0,
    deployment_num: 0,
    submitted_at: at,
    last_processed_at: at,
    next_triggered_at: null,
    triggered_at: null,
    deleted: false,
  };
  return { run, jobSpecs: getJobSpecs(spec, { runName: name, defaultPython: "3.12" }) };
};
