import { GetInstanceRequest, ListInstancesRequest } from "../../shared/api/fleets.ts";
import { AppError } from "../../shared/errors.ts";
import { viewInstance } from "../domain/instances/instanceView.ts";
import { listVisibleProjects } from "../domain/projects/visibleProjects.ts";
import { findFleet, listFleetsByIds } from "../store/fleets.ts";
import { listInstances } from "../store/instanceLists.ts";
import { findInstance } from "../store/instances.ts";
import { pageOf } from "./page.ts";
import { projectRoute, type Route, userRoute } from "./route.ts";

export const instanceRoutes: Route[] = [
  userRoute({
    path: "/api/instances/list",
    access: "auth",
    body: ListInstancesRequest,
    handle: async ({ deps, user, body }) => {
      const projects = (await listVisibleProjects(deps, user)).filter(
        (project) => body.project_names === null || body.project_names.includes(project.name),
      );
      const filter = {
        projectIds: projects.map((project) => project.id),
        ...(body.fleet_ids === null ? {} : { fleetIds: body.fleet_ids }),
        onlyActive: body.only_active,
      };
      const rows = await listInstances(deps.db, filter, pageOf(body));
      const fleets = await listFleetsByIds(deps.db, [...new Set(rows.map((row) => row.fleet_id))]);
      return rows.map((row) =>
        viewInstance(row, {
          projectName: projects.find((project) => project.id === row.project_id)?.name ?? "",
          fleetName: fleets.find((fleet) => fleet.id === row.fleet_id)?.name ?? null,
          entry: deps.engine.findCapacity(row.id),
        }),
      );
    },
  }),
  projectRoute({
    path: "/api/project/:project/instances/get",
    access: "member",
    body: GetInstanceRequest,
    handle: async ({ deps, project, body }) => {
      const row = await findInstance(deps.db, body.id);
      if (row?.project_id !== project.id) throw new AppError("not_found", "Resource not found");
      const fleetName = (await findFleet(deps.db, row.fleet_id))?.name ?? null;
      const entry = deps.engine.findCapacity(row.id);
      return viewInstance(row, { projectName: project.name, fleetName, entry });
    },
  }),
];
