import { type GpusAnswer, ListGpusRequest } from "../../shared/api/gpus.ts";
import { listGpus } from "../domain/offers/listGpus.ts";
import { projectRoute, type Route } from "./route.ts";

export const gpuRoutes: Route[] = [
  projectRoute({
    path: "/api/project/:project/gpus/list",
    access: "member",
    body: ListGpusRequest,
    handle: async ({ deps, user, project, body }): Promise<GpusAnswer> => ({
      gpus: await listGpus(deps, { user, project }, body),
    }),
  }),
];
