import type { z } from "zod";
import type { GpuGroup, ListGpusRequest } from "../../../shared/api/gpus.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import type { Caller } from "../runs/checkSpec.ts";
import { effectiveSpec, jobSpecsOf } from "../runs/effectiveSpec.ts";
import { groupGpus } from "./groupGpus.ts";
import { listOffers } from "./listOffers.ts";

/** The GPUs that the project's hosts have for such a run, whatever it would run on them. */
export const listGpus = async (
  deps: Deps,
  { user, project }: Caller,
  request: z.output<typeof ListGpusRequest>,
): Promise<GpuGroup[]> => {
  const { group_by: keys } = request;
  if (keys.includes("region") && !keys.includes("backend"))
    throw new AppError("invalid", "Grouping by region needs grouping by backend");
  const spec = await effectiveSpec(deps, user, request.run_spec);
  const [jobSpec] = jobSpecsOf(deps, spec, "dry-run");
  if (!jobSpec) return [];
  const entries = deps.engine.listCapacity(project.id);
  return groupGpus(listOffers(entries, { spec, jobSpec, ignoreRuntime: true }).offers, keys);
};
