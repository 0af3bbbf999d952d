import { ListGpusRequest } from "../../shared/api/gpus.ts";
import { listGroups } from "../domain/offers/listGroups.ts";
import { projectRoute, type Route } from "./route.ts";

export const gpuRoutes: Route[] = [
  projectRoute({
    path: "/api/project/:project/gpus/list",
    access: "member",
    body: ListGpusRequest,
    handle: ({ deps, user, project, body }) => listGroups(deps, { user, project }, body),
  }),
];
