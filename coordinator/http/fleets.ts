import { z } from "zod";
import {
  ApplyFleetPlanRequest,
  DeleteFleetInstancesRequest,
  DeleteFleetsRequest,
  Fleet,
  FleetPlan,
  type FleetSpec,
  GetFleetPlanRequest,
  GetFleetRequest,
  ListFleetsRequest,
  ListProjectFleetsRequest,
} from "../../shared/api/fleets.ts";
import { AppError } from "../../shared/errors.ts";
import type { Deps } from "../deps.ts";
import { applyFleet } from "../domain/fleets/applyFleet.ts";
import { deleteFleetInstances, deleteFleets } from "../domain/fleets/deleteFleets.ts";
import { viewFleets } from "../domain/fleets/fleetView.ts";
import { planFleet } from "../domain/fleets/planFleet.ts";
import { requireHostRights } from "../domain/fleets/sshRights.ts";
import { listVisibleProjects } from "../domain/projects/visibleProjects.ts";
import { listImportedIds } from "../store/exports.ts";
import { type FleetRow, findFleet, findFleetByName, listFleets } from "../store/fleets.ts";
import { listProjectsByIds, type ProjectRow } from "../store/projects.ts";
import { requireShared } from "./access.ts";
import { type ClientVersion, isBefore } from "./clientVersion.ts";
import { NO_LIMIT, pageOf } from "./page.ts";
import { NOTHING, projectRoute, type Route, userRoute } from "./route.ts";

const findFleetById = async ({ db }: Deps, projectId: string, id: string): Promise<FleetRow | undefined> => {
  const fleet = await findFleet(db, id);
  return fleet?.project_id === projectId ? fleet : undefined;
};

const findNamed = (
  deps: Deps,
  projectId: string,
  { id, name }: { id: string | null; name: string | null },
): Promise<FleetRow | undefined> => {
  if (id !== null) return findFleetById(deps, projectId, id);
  if (name === null) throw new AppError("invalid", "name or id must be specified");
  return findFleetByName(deps.db, projectId, name);
};

/** Imported ones are of other projects. */
const projectNamesOf = async ({ db }: Deps, fleets: readonly FleetRow[]): Promise<Map<string, string>> => {
  const projects = await listProjectsByIds(db, [...new Set(fleets.map((fleet) => fleet.project_id))]);
  return new Map(projects.map((project) => [project.id, project.name]));
};

const viewOne = async (deps: Deps, project: ProjectRow, row: FleetRow): Promise<Fleet> => {
  const [fleet] = await viewFleets(deps, [row], new Map([[project.id, project.name]]));
  if (!fleet) throw new Error(`Fleet ${row.id} has no view`);
  return fleet;
};

/** Clients before 0.21.0 send the default `resources` with fleets of SSH hosts too, which have none. */
const sentSpec = (client: ClientVersion, spec: FleetSpec): FleetSpec => {
  const { configuration } = spec;
  if (configuration.ssh_config === null || !isBefore(client, [0, 21, 0])) return spec;
  return { ...spec, configuration: { ...configuration, resources: null } };
};

export const fleetRoutes: Route[] = [
  userRoute({
    path: "/api/fleets/list",
    summary: "Fleets of all projects that the caller may see",
    tag: "fleets",
    access: "auth",
    body: ListFleetsRequest,
    answer: z.array(Fleet),
    handle: async ({ deps, user, body }) => {
      const projects = (await listVisibleProjects(deps, user)).filter(
        (project) => body.project_name === null || project.name === body.project_name,
      );
      const projectIds = projects.map((project) => project.id);
      const fleetIds = body.include_imported ? await listImportedIds(deps.db, projectIds, "fleet") : [];
      const filter = { projectIds, fleetIds, onlyActive: body.only_active };
      const rows = await listFleets(deps.db, filter, pageOf(body));
      return viewFleets(deps, rows, await projectNamesOf(deps, rows));
    },
  }),
  projectRoute({
    path: "/api/project/:project/fleets/list",
    summary: "Fleets of the project that are not deleted, newest first",
    tag: "fleets",
    access: "member",
    body: ListProjectFleetsRequest,
    answer: z.array(Fleet),
    handle: async ({ deps, project, body }) => {
      const fleetIds = body.include_imported ? await listImportedIds(deps.db, [project.id], "fleet") : [];
      const filter = { projectIds: [project.id], fleetIds, onlyActive: false };
      const rows = await listFleets(deps.db, filter, NO_LIMIT);
      return viewFleets(deps, rows, await projectNamesOf(deps, rows));
    },
  }),
  projectRoute({
    path: "/api/project/:project/fleets/get",
    summary: "A fleet by name or id; by id also a deleted one",
    tag: "fleets",
    access: "member+importer",
    body: GetFleetRequest,
    answer: Fleet,
    handle: async ({ deps, user, role, project, body }) => {
      const fleet = await findNamed(deps, project.id, body);
      await requireShared(deps, { user, role }, { kind: "fleet", id: fleet?.id });
      if (!fleet) throw new AppError("not_found", "Resource not found");
      return viewOne(deps, project, fleet);
    },
  }),
  projectRoute({
    path: "/api/project/:project/fleets/get_plan",
    summary: "What applying a fleet would do",
    tag: "fleets",
    access: "member",
    body: GetFleetPlanRequest,
    answer: FleetPlan,
    handle: async ({ c, deps, user, project, body: { spec } }) => ({
      ...(await planFleet(deps, { user, project }, sentSpec(c.get("clientVersion"), spec))),
      spec,
    }),
  }),
  projectRoute({
    path: "/api/project/:project/fleets/apply",
    summary: "Make a fleet, or change one in place",
    tag: "fleets",
    access: "member",
    body: ApplyFleetPlanRequest,
    answer: Fleet,
    handle: ({ c, deps, user, role, project, body: { plan, ...rest } }) => {
      const spec = sentSpec(c.get("clientVersion"), plan.spec);
      if (spec.configuration.ssh_config) requireHostRights(deps.config, { user, role });
      return applyFleet(deps, { user, project }, { plan: { ...plan, spec }, ...rest });
    },
  }),
  projectRoute({
    path: "/api/project/:project/fleets/delete",
    summary: "Delete fleets, and end what was made for them",
    tag: "fleets",
    access: "member",
    body: DeleteFleetsRequest,
    answer: NOTHING,
    handle: ({ deps, user, project, body }) =>
      deleteFleets(deps, project.id, { names: body.names, actorId: user.id }),
  }),
  projectRoute({
    path: "/api/project/:project/fleets/delete_instances",
    summary: "Delete instances by their number; unknown ones are passed over",
    tag: "fleets",
    access: "member",
    body: DeleteFleetInstancesRequest,
    answer: NOTHING,
    handle: async ({ deps, user, project, body }) => {
      const fleet = await findFleetByName(deps.db, project.id, body.name);
      if (fleet)
        await deleteFleetInstances(deps, fleet, { instanceNums: body.instance_nums, actorId: user.id });
    },
  }),
];
