import { z } from "zod";
import {
  ApplyRunPlanRequest,
  DeleteRunsRequest,
  GetRunPlanRequest,
  GetRunRequest,
  ListRunsRequest,
  Run,
  RunPlan,
  StopRunsRequest,
} from "../../shared/api/runs.ts";
import { applyRun } from "../domain/runs/applyRun.ts";
import { deleteRuns, getRunRow, listVisibleRuns, stopRuns } from "../domain/runs/findRuns.ts";
import { planRun } from "../domain/runs/planRun.ts";
import { viewRun } from "../domain/runs/viewRun.ts";
import { sshAddressOf } from "../domain/tunnels/sshAddress.ts";
import { hostOf } from "./hostOf.ts";
import { asksForOffers, planFor, runFor } from "./olderRuns.ts";
import { pageOf } from "./page.ts";
import { NOTHING, projectRoute, type Route, userRoute } from "./route.ts";

export const runRoutes: Route[] = [
  userRoute({
    path: "/api/runs/list",
    summary: "Runs of all projects that the caller may see, newest first",
    tag: "runs",
    access: "auth",
    body: ListRunsRequest,
    answer: z.array(Run),
    handle: async ({ c, deps, user, body }) => {
      const { prev_submitted_at, prev_run_id, ascending, limit } = body;
      const page = pageOf({ prev_created_at: prev_submitted_at, prev_id: prev_run_id, ascending, limit });
      const client = c.get("clientVersion");
      const form = { name: String(client), of: (run: Run) => runFor(client, run) };
      const runs = await listVisibleRuns(deps, user, { request: body, page, form });
      return c.body(runs, 200, { "content-type": "application/json" });
    },
  }),
  projectRoute({
    path: "/api/project/:project/runs/get",
    summary: "A run by name or id, with all of its submissions",
    tag: "runs",
    access: "member",
    body: GetRunRequest,
    answer: Run,
    handle: async ({ c, deps, project, body }) => {
      const connections = { ssh: sshAddressOf(deps, hostOf(c)) };
      const run = await viewRun(deps, await getRunRow(deps, project.id, body), { connections });
      return c.json(runFor(c.get("clientVersion"), run));
    },
  }),
  projectRoute({
    path: "/api/project/:project/runs/get_plan",
    summary: "What submitting a run would do: jobs, offers, or the change of a run in place",
    tag: "runs",
    access: "member",
    body: GetRunPlanRequest,
    answer: RunPlan,
    handle: async ({ c, deps, user, project, body }) => {
      const client = c.get("clientVersion");
      const for_offers_only = body.for_offers_only || asksForOffers(client, body.run_spec);
      return c.json(planFor(client, await planRun(deps, { user, project }, { ...body, for_offers_only })));
    },
  }),
  projectRoute({
    path: "/api/project/:project/runs/apply",
    summary: "Submit a run, or change one in place",
    tag: "runs",
    access: "member",
    body: ApplyRunPlanRequest,
    answer: Run,
    handle: async ({ c, deps, user, project, body }) =>
      c.json(runFor(c.get("clientVersion"), await applyRun(deps, { user, project }, body))),
  }),
  projectRoute({
    path: "/api/project/:project/runs/stop",
    summary: "Stop or abort runs; unknown and finished ones are passed over",
    tag: "runs",
    access: "member",
    body: StopRunsRequest,
    answer: NOTHING,
    handle: ({ deps, user, project, body }) =>
      stopRuns(deps, project.id, { names: body.runs_names, abort: body.abort, actorId: user.id }),
  }),
  projectRoute({
    path: "/api/project/:project/runs/delete",
    summary: "Delete finished runs",
    tag: "runs",
    access: "member",
    body: DeleteRunsRequest,
    answer: NOTHING,
    handle: ({ deps, user, project, body }) =>
      deleteRuns(deps, project.id, { names: body.runs_names, actorId: user.id }),
  }),
];
