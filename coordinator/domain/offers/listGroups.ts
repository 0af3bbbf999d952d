import type { z } from "zod";
import type { GpusAnswer, ListGpusRequest } from "../../../shared/api/gpus.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import type { Caller } from "../runs/checkSpec.ts";
import { effectiveSpec, jobSpecsOf } from "../runs/effectiveSpec.ts";
import { groupByCpu, groupByGpu } from "./groupOffers.ts";
import { listOffers } from "./listOffers.ts";

/** What the project's hosts have for such a run, whatever it would run on them, in groups. */
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
  const entries = deps.engine.listCapacity(project.id);
  const { offers } = listOffers(entries, { spec, jobSpec, ignoreRuntime: true });
  const wantsNoGpu = jobSpec.requirements.resources.gpu?.count.max === 0;
  return wantsNoGpu ? { gpus: [], cpus: groupByCpu(offers, keys) } : { gpus: groupByGpu(offers, keys) };
};
