import type { ApplyRunPlanRequest, Run, RunSpec } from "../../../shared/api/runs.ts";
import { diffRuns, isUpdatable } from "../../../shared/config/diff.ts";
import { AppError } from "../../../shared/errors.ts";
import { isFinalRun } from "../../../shared/states.ts";
import type { Deps } from "../../deps.ts";
import { findRun, findRunByName, patchRun, type RunRow } from "../../store/runs.ts";
import { deployLiveSubmissions } from "../../store/submissions.ts";
import { unlessTaken } from "../../store/uniqueness.ts";
import { runUpdated } from "../events/runEvents.ts";
import { type Caller, checkRepo, checkSpec } from "./checkSpec.ts";
import { effectiveSpec, jobSpecsOf } from "./effectiveSpec.ts";
import { newRunRow } from "./newRunRow.ts";
import { newRunName } from "./runNames.ts";
import { viewRun } from "./viewRun.ts";

/**
 * Submits a run, or changes the active one of the same name where it can go on as it is. A finished run of that
 * name gives it up. Unless forced, an active run must be what the plan was made for (`conflict`).
 */
export const applyRun = async (deps: Deps, caller: Caller, request: ApplyRunPlanRequest): Promise<Run> => {
  const { plan, force } = request;
  await checkSpec(deps, caller, plan.run_spec);
  await checkRepo(deps, caller, plan.run_spec);
  const wanted = await effectiveSpec(deps, caller.user, plan.run_spec);
  const name = wanted.run_name;
  const holder = name === null ? undefined : await findRunByName(deps.db, caller.project.id, name);
  if (!holder || isFinalRun(holder.status)) return submitRun(deps, caller, { spec: wanted, holder });
  if (!force) await requireSamePlan(deps, caller, { holder, planned: plan.current_resource });
  return updateRun(deps, caller, { holder, spec: wanted });
};

const submitRun = async (
  deps: Deps,
  { user, project }: Caller,
  { spec, holder }: { spec: RunSpec; holder: RunRow | undefined },
): Promise<Run> => {
  const name = spec.run_name ?? (await newRunName(deps, project.id));
  const id = crypto.randomUUID();
  const named = { ...spec, run_name: name };
  const own = { id, project_id: project.id, user_id: user.id, name, spec: named };
  const row = newRunRow(own, deps.clock.now());
  const jobSpecs = jobSpecsOf(deps, named, name);
  const submitted = deps.engine.submitRun({
    row,
    jobSpecs: row.status === "pending" ? [] : jobSpecs,
    ...(holder ? { replaces: holder } : {}),
  });
  // Somebody else may have taken the name a moment ago.
  await unlessTaken(`Run "${name}" exists already`, submitted);
  return viewRun(deps, await getRunById(deps, id));
};

const requireSamePlan = async (
  deps: Deps,
  { user }: Caller,
  { holder, planned }: { holder: RunRow; planned: ApplyRunPlanRequest["plan"]["current_resource"] },
): Promise<void> => {
  const isSame =
    planned?.id === holder.id &&
    diffRuns(holder.spec, await effectiveSpec(deps, user, planned.run_spec)).length === 0;
  if (!isSame)
    throw new AppError("conflict", `Run "${holder.name}" is not the one that the plan was made for`, {
      hint: "Apply again, or with --force",
    });
};

const updateRun = async (
  deps: Deps,
  { user }: Caller,
  { holder, spec }: { holder: RunRow; spec: RunSpec },
): Promise<Run> => {
  if (!isUpdatable(diffRuns(holder.spec, spec)))
    throw new AppError("conflict", `Run "${holder.name}" is active and cannot be changed in place`, {
      hint: "Stop it first",
    });
  await deps.engine.withRun(holder.id, async (draft) => {
    const { run: current } = draft;
    if (!current || isFinalRun(current.status))
      throw new AppError("conflict", `Run "${holder.name}" has ended in the meantime`, {
        hint: "Apply again",
      });
    const deployment = current.deployment_num + 1;
    const patch = {
      spec,
      priority: spec.configuration.priority ?? 0,
      deployment_num: deployment,
      last_processed_at: deps.clock.now(),
    };
    draft.add({
      statements: [
        patchRun(deps.db, holder.id, patch),
        // Clients wait until every live job is of the run's own deployment (docs/spec/http-api.md §7).
        deployLiveSubmissions(deps.db, holder.id, deployment),
      ],
      events: [
        runUpdated({ ...current, deployment_num: deployment }, changedFields(current.spec, spec), user.id),
      ],
      effects: [],
    });
    // What becomes of its jobs is decided on what is stored.
    await draft.commit();
  });
  return viewRun(deps, await getRunById(deps, holder.id));
};

const changedFields = (before: RunSpec, after: RunSpec): string[] =>
  diffRuns(before, after).map(({ field, property }) =>
    property === undefined ? field : `${field}.${property}`,
  );

const getRunById = async (deps: Deps, id: string): Promise<RunRow> => {
  const run = await findRun(deps.db, id);
  if (!run) throw new Error(`Run ${id} is gone`);
  return run;
};
