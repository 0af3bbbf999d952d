import { GpusAnswer, ListGpusRequest } from "../../shared/api/gpus.ts";
import { listGroups } from "../domain/offers/listGroups.ts";
import { projectRoute, type Route } from "./route.ts";

export const gpuRoutes: Route[] = [
  projectRoute({
    path: "/api/project/:project/gpus/list",
    summary: "Offers for a run, grouped by GPU",
    tag: "runs",
    access: "member",
    body: ListGpusRequest,
    answer: GpusAnswer,
    handle: ({ deps, user, project, body }) => listGroups(deps, { user, project }, body),
  }),
];
