import type { z } from "zod";
import type { GpusAnswer, ListGpusRequest } from "../../../shared/api/gpus.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import type { Caller } from "../runs/checkSpec.ts";
import { effectiveSpec, jobSpecsOf } from "../runs/effectiveSpec.ts";
import { gatherOffers } from "./gatherOffers.ts";
import { groupByCpu, groupByGpu } from "./groupOffers.ts";

/** What the project has for such a run, whatever it would run on them, in groups. */
export const listGroups = async (
  deps: Deps,
  { user, project }: Caller,
  request: z.output<typeof ListGpusRequest>,
): Promise<GpusAnswer> => {
  const { group_by: keys } = request;
  if (keys.includes("region") && !keys.includes("backend"))
    throw new AppError("invalid", "Cannot group by 'region' without also grouping by 'backend'");
  const spec = await effectiveSpec(deps, user, request.run_spec);
  const [jobSpec] = jobSpecsOf(deps, spec, "dry-run");
  if (!jobSpec) return { gpus: [] };
  const { offers } = await gatherOffers(deps, project.id, {
    spec,
    jobSpec,
    ignoreRuntime: true,
    asked: request,
    isReversed: false,
  });
  const grouping = { keys, isReversed: request.reverse };
  const wantsNoGpu = jobSpec.requirements.resources.gpu?.count.max === 0;
  return wantsNoGpu
    ? { gpus: [], cpus: groupByCpu(offers, grouping) }
    : { gpus: groupByGpu(offers, grouping) };
};
