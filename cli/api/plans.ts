import type { GpuGroup, GpusAnswer, ListGpusRequest } from "../../shared/api/gpus.ts";
import type { GetRunPlanRequest, Run, RunPlan, RunSpec } from "../../shared/api/runs.ts";
import { answerOf, hasKeys, isListOf, isNullOr, isNumber, isText } from "./answer.ts";
import { type Api, post } from "./client.ts";
import { runAnswer } from "./runs.ts";

const isSpec = hasKeys({ configuration: hasKeys({ type: isText }) });

const planAnswer = answerOf<RunPlan>(
  hasKeys({
    project_name: isText,
    user: isText,
    run_spec: isSpec,
    effective_run_spec: isNullOr(isSpec),
    job_plans: isListOf(
      hasKeys({
        job_spec: hasKeys({ requirements: hasKeys({ resources: hasKeys() }) }),
        offers: isListOf(hasKeys({ instance: hasKeys({ resources: hasKeys() }), price: isNumber })),
        total_offers: isNumber,
      }),
    ),
    current_resource: isNullOr(runAnswer.check),
    action: isText,
  }),
);

const gpusAnswer = answerOf<GpusAnswer>(
  hasKeys({
    gpus: isListOf(hasKeys({ name: isText, memory_mib: isNumber, count: hasKeys(), price: hasKeys() })),
  }),
);

/** What the server would do with a run specification. Nothing is changed. */
export const getPlan = (api: Api, request: GetRunPlanRequest): Promise<RunPlan> =>
  post(api, { path: `${api.project}/runs/get_plan`, body: request, answer: planAnswer });

/** Submits a planned run, or updates the one that the plan found. */
export const applyPlan = (api: Api, runSpec: RunSpec, current: Run | null): Promise<Run> => {
  const body = { plan: { run_spec: runSpec, current_resource: current }, force: false };
  return post(api, { path: `${api.project}/runs/apply`, body, answer: runAnswer });
};

export const listGpus = async (api: Api, request: ListGpusRequest): Promise<GpuGroup[]> =>
  (await post(api, { path: `${api.project}/gpus/list`, body: request, answer: gpusAnswer })).gpus;
