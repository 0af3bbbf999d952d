import type { JobSpec } from "../../../shared/api/jobs.ts";
import type { GetRunPlanRequest, JobPlan, RunPlan, RunSpec } from "../../../shared/api/runs.ts";
import { diffRuns, isUpdatable } from "../../../shared/config/diff.ts";
import { isFinalRun } from "../../../shared/states.ts";
import type { Deps } from "../../deps.ts";
import { findRunByName } from "../../store/runs.ts";
import { gatherOffers } from "../offers/gatherOffers.ts";
import { type Caller, checkSpec } from "./checkSpec.ts";
import { effectiveSpec, jobSpecsOf } from "./effectiveSpec.ts";
import { toWireSpec, viewRun } from "./viewRun.ts";

const DEFAULT_MAX_OFFERS = 50;

/** Stands for the name in the plan of a run without one. */
const DRY_RUN = "dry-run";

/** What submitting would do. `run_spec` comes back as it was sent, for clients send it again. */
export const planRun = async (deps: Deps, caller: Caller, request: GetRunPlanRequest): Promise<RunPlan> => {
  const { user, project } = caller;
  const { run_spec: spec, for_offers_only: isOffersOnly } = request;
  if (!isOffersOnly) await checkSpec(deps, caller, spec);
  const effective = await effectiveSpec(deps, user, spec);
  const current =
    spec.run_name === null ? undefined : await findRunByName(deps.db, project.id, spec.run_name);
  const isActive = current !== undefined && !isFinalRun(current.status);
  return {
    project_name: project.name,
    user: user.username,
    run_spec: toWireSpec(spec),
    effective_run_spec: effective,
    job_plans: await Promise.all(
      jobSpecsOf(deps, effective, spec.run_name ?? DRY_RUN).map((jobSpec) =>
        planJob(deps, caller, { spec: effective, jobSpec, request }),
      ),
    ),
    // Clients send it back as it is: the older attempts would only go to and fro.
    current_resource: current ? await viewRun(deps, current, { submissionsLimit: 1 }) : null,
    action: isActive && isUpdatable(diffRuns(current.spec, effective)) ? "update" : "create",
  };
};

const planJob = async (
  deps: Deps,
  { project }: Caller,
  { spec, jobSpec, request }: { spec: RunSpec; jobSpec: JobSpec; request: GetRunPlanRequest },
): Promise<JobPlan> => {
  const { offers, total, maxPrice, whyNone } = await gatherOffers(deps, project.id, {
    spec,
    jobSpec,
    ignoreRuntime: request.for_offers_only,
    asked: request,
    isReversed: request.reverse_offers,
    limit: request.max_offers ?? DEFAULT_MAX_OFFERS,
  });
  return {
    job_spec: jobSpec,
    offers,
    total_offers: total,
    max_price: maxPrice,
    no_offers_reason: whyNone === "" ? null : whyNone,
  };
};
