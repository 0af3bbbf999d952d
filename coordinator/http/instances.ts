import { z } from "zod";
import {
  CordonRequest,
  GetHealthChecksRequest,
  GetInstanceRequest,
  HealthChecks,
  Instance,
  LabelInstanceRequest,
  ListInstancesRequest,
  ReinstallInstanceRequest,
  RemoveInstanceRequest,
  UncordonRequest,
} from "../../shared/api/fleets.ts";
import { fromWireTime } from "../../shared/api/scalars.ts";
import { AppError } from "../../shared/errors.ts";
import type { Deps } from "../deps.ts";
import { requireHostRights } from "../domain/fleets/sshRights.ts";
import { getLiveInstance } from "../domain/instances/getInstance.ts";
import { viewHealthChecks } from "../domain/instances/healthHistory.ts";
import { viewInstance } from "../domain/instances/instanceView.ts";
import { labelInstance } from "../domain/instances/labelInstance.ts";
import { reinstallInstance } from "../domain/instances/reinstall.ts";
import { removeForUser } from "../domain/instances/removeForUser.ts";
import { listVisibleProjects } from "../domain/projects/visibleProjects.ts";
import { listImportedIds } from "../store/exports.ts";
import { findFleet, findFleetByName, listFleetsByIds } from "../store/fleets.ts";
import { listIdsWithFormer } from "../store/formerInstances.ts";
import { listHealthChecks } from "../store/healthChecks.ts";
import { listInstances } from "../store/instanceLists.ts";
import { findInstance, findInstanceByNumber, type InstanceRow } from "../store/instances.ts";
import { listProjectsByIds, type ProjectRow } from "../store/projects.ts";
import { requireShared } from "./access.ts";
import { pageOf } from "./page.ts";
import { NOTHING, projectRoute, type Route, userRoute } from "./route.ts";

/** As many as are kept of one instance. */
const MOST_CHECKS = 1_000;

const findOwn = async ({ db }: Deps, projectId: string, id: string): Promise<InstanceRow | undefined> => {
  const row = await findInstance(db, id);
  return row?.project_id === projectId ? row : undefined;
};

const notFound = (): never => {
  throw new AppError("not_found", "Resource not found");
};

const getOwn = async (deps: Deps, projectId: string, id: string): Promise<InstanceRow> =>
  (await findOwn(deps, projectId, id)) ?? notFound();

const viewOne = async (deps: Deps, project: ProjectRow, row: InstanceRow) => {
  const fleetName = (await findFleet(deps.db, row.fleet_id))?.name ?? null;
  return viewInstance(row, { projectName: project.name, fleetName, entry: deps.engine.findCapacity(row.id) });
};

export const instanceRoutes: Route[] = [
  userRoute({
    path: "/api/instances/list",
    summary: "Instances of all projects that the caller may see",
    tag: "instances",
    access: "auth",
    body: ListInstancesRequest,
    answer: z.array(Instance),
    handle: async ({ deps, user, body }) => {
      const projects = (await listVisibleProjects(deps, user)).filter(
        (project) => body.project_names === null || body.project_names.includes(project.name),
      );
      const projectIds = projects.map((project) => project.id);
      const filter = {
        projectIds,
        ...(body.include_imported
          ? { importedFleetIds: await listImportedIds(deps.db, projectIds, "fleet") }
          : {}),
        ...(body.fleet_ids === null ? {} : { fleetIds: body.fleet_ids }),
        onlyActive: body.only_active,
      };
      const rows = await listInstances(deps.db, filter, pageOf(body));
      const fleets = await listFleetsByIds(deps.db, [...new Set(rows.map((row) => row.fleet_id))]);
      const owners = await listProjectsByIds(deps.db, [...new Set(rows.map((row) => row.project_id))]);
      return rows.map((row) =>
        viewInstance(row, {
          projectName: owners.find((project) => project.id === row.project_id)?.name ?? "",
          fleetName: fleets.find((fleet) => fleet.id === row.fleet_id)?.name ?? null,
          entry: deps.engine.findCapacity(row.id),
        }),
      );
    },
  }),
  projectRoute({
    path: "/api/project/:project/instances/get",
    summary: "One instance",
    tag: "instances",
    access: "member+importer",
    body: GetInstanceRequest,
    answer: Instance,
    handle: async ({ deps, user, role, project, body }) => {
      const instance = await findOwn(deps, project.id, body.id);
      await requireShared(deps, { user, role }, { kind: "fleet", id: instance?.fleet_id });
      return viewOne(deps, project, instance ?? notFound());
    },
  }),
  projectRoute({
    path: "/api/project/:project/instances/get_instance_health_checks",
    summary: "How healthy an instance was, newest first",
    tag: "instances",
    access: "member",
    body: GetHealthChecksRequest,
    answer: HealthChecks,
    handle: async ({ deps, project, body }) => {
      const fleet = await findFleetByName(deps.db, project.id, body.fleet_name);
      const instance = fleet && (await findInstanceByNumber(deps.db, fleet.id, body.instance_num));
      if (!instance) throw new AppError("not_found", "Resource not found");
      const ids = await listIdsWithFormer(deps.db, [instance.id]);
      const rows = await listHealthChecks(deps.db, ids, {
        after: body.after === null ? undefined : fromWireTime(body.after),
        before: body.before === null ? undefined : fromWireTime(body.before),
        limit: Math.min(body.limit ?? MOST_CHECKS, MOST_CHECKS),
      });
      return viewHealthChecks(rows);
    },
  }),
  projectRoute({
    path: "/api/project/:project/instances/cordon",
    summary: "Give an instance no new jobs",
    tag: "instances",
    ours: true,
    access: "member",
    body: CordonRequest,
    answer: Instance,
    handle: async ({ deps, user, project, body: { name, reason } }) => {
      const instance = getLiveInstance(deps, project.id, name);
      await deps.engine.setCordon(instance, { at: deps.clock.now(), by: user.username, reason }, user.id);
      return viewOne(deps, project, await getOwn(deps, project.id, instance.id));
    },
  }),
  projectRoute({
    path: "/api/project/:project/instances/remove",
    summary: "Take an instance out of its fleet for good, and the agent off its host",
    tag: "instances",
    ours: true,
    access: "manager",
    body: RemoveInstanceRequest,
    answer: NOTHING,
    handle: async ({ deps, user, project, body: { name, force, uninstall } }) => {
      const instance = getLiveInstance(deps, project.id, name);
      await removeForUser(deps, instance, { force, uninstall, user });
    },
  }),
  projectRoute({
    path: "/api/project/:project/instances/label",
    summary: "Change labels of an instance, which runs select by",
    tag: "instances",
    ours: true,
    access: "manager",
    body: LabelInstanceRequest,
    answer: Instance,
    handle: async ({ deps, user, project, body: { name, labels } }) => {
      const instance = getLiveInstance(deps, project.id, name);
      await labelInstance(deps, instance, { change: labels, actorId: user.id });
      return viewOne(deps, project, await getOwn(deps, project.id, instance.id));
    },
  }),
  projectRoute({
    path: "/api/project/:project/instances/reinstall",
    summary: "Install the agent on a host of an SSH fleet anew, by its kept key",
    tag: "instances",
    ours: true,
    access: "manager",
    body: ReinstallInstanceRequest,
    answer: NOTHING,
    handle: async ({ deps, user, role, project, body: { name, force, sudo_password: sudoPassword } }) => {
      requireHostRights(deps.config, { user, role });
      await reinstallInstance(deps, getLiveInstance(deps, project.id, name), { force, sudoPassword, user });
    },
  }),
  projectRoute({
    path: "/api/project/:project/instances/uncordon",
    summary: "Give an instance new jobs again",
    tag: "instances",
    ours: true,
    access: "member",
    body: UncordonRequest,
    answer: Instance,
    handle: async ({ deps, user, project, body: { name } }) => {
      const instance = getLiveInstance(deps, project.id, name);
      await deps.engine.setCordon(instance, null, user.id);
      return viewOne(deps, project, await getOwn(deps, project.id, instance.id));
    },
  }),
];
