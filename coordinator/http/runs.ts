import {
  ApplyRunPlanRequest,
  DeleteRunsRequest,
  GetRunPlanRequest,
  GetRunRequest,
  ListRunsRequest,
  StopRunsRequest,
} from "../../shared/api/runs.ts";
import { applyRun } from "../domain/runs/applyRun.ts";
import { deleteRuns, getRunRow, listVisibleRuns, stopRuns } from "../domain/runs/findRuns.ts";
import { planRun } from "../domain/runs/planRun.ts";
import { viewRun } from "../domain/runs/viewRun.ts";
import { pageOf } from "./page.ts";
import { projectRoute, type Route, userRoute } from "./route.ts";

export const runRoutes: Route[] = [
  userRoute({
    path: "/api/runs/list",
    access: "auth",
    body: ListRunsRequest,
    handle: ({ deps, user, body }) => {
      const { prev_submitted_at, prev_run_id, ascending, limit } = body;
      const page = pageOf({ prev_created_at: prev_submitted_at, prev_id: prev_run_id, ascending, limit });
      return listVisibleRuns(deps, user, { request: body, page });
    },
  }),
  projectRoute({
    path: "/api/project/:project/runs/get",
    access: "member",
    body: GetRunRequest,
    handle: async ({ deps, project, body }) =>
      viewRun(deps, await getRunRow(deps, project.id, body), { withConnections: true }),
  }),
  projectRoute({
    path: "/api/project/:project/runs/get_plan",
    access: "member",
    body: GetRunPlanRequest,
    handle: ({ deps, user, project, body }) => planRun(deps, { user, project }, body),
  }),
  projectRoute({
    path: "/api/project/:project/runs/apply",
    access: "member",
    body: ApplyRunPlanRequest,
    handle: ({ deps, user, project, body }) => applyRun(deps, { user, project }, body),
  }),
  projectRoute({
    path: "/api/project/:project/runs/stop",
    access: "member",
    body: StopRunsRequest,
    handle: ({ deps, user, project, body }) =>
      stopRuns(deps, project.id, { names: body.runs_names, abort: body.abort, actorId: user.id }),
  }),
  projectRoute({
    path: "/api/project/:project/runs/delete",
    access: "member",
    body: DeleteRunsRequest,
    handle: ({ deps, user, project, body }) =>
      deleteRuns(deps, project.id, { names: body.runs_names, actorId: user.id }),
  }),
];
