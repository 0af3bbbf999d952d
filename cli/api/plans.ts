import { type GpuGroup, GpusAnswer, type ListGpusRequest } from "../../shared/api/gpus.ts";
import { type GetRunPlanRequest, Run, RunPlan, type RunSpec } from "../../shared/api/runs.ts";
import { type Api, post } from "./client.ts";

/** What the server would do with a run specification. Nothing is changed. */
export const getPlan = (api: Api, request: GetRunPlanRequest): Promise<RunPlan> =>
  post(api, { path: `${api.project}/runs/get_plan`, body: request, answer: RunPlan });

/** Submits a planned run, or updates the one that the plan found. */
export const applyPlan = (api: Api, runSpec: RunSpec, current: Run | null): Promise<Run> => {
  const body = { plan: { run_spec: runSpec, current_resource: current }, force: false };
  return post(api, { path: `${api.project}/runs/apply`, body, answer: Run });
};

export const listGpus = async (api: Api, request: ListGpusRequest): Promise<GpuGroup[]> =>
  (await post(api, { path: `${api.project}/gpus/list`, body: request, answer: GpusAnswer })).gpus;
