import type { CreateProjectRequest, UpdateProjectRequest } from "../../../shared/api/projects.ts";
import { PROJECT_NAME } from "../../../shared/api/scalars.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import { writeAll } from "../../store/db.ts";
import { listProjectsWithFleets } from "../../store/fleets.ts";
import { listGateways, markGatewaysDeleted } from "../../store/gateways.ts";
import { findRole } from "../../store/members.ts";
import {
  findProjectByName,
  insertProject,
  markProjectDeleted,
  type ProjectRow,
  patchProject,
} from "../../store/projects.ts";
import { hasLiveRuns } from "../../store/runLists.ts";
import type { UserRow } from "../../store/users.ts";
import { listProjectsWithVolumes } from "../../store/volumes.ts";
import { projectCreated, projectDeleted, projectUpdated } from "../events/adminEvents.ts";
import { gatewayDeleted } from "../events/cloudResourceEvents.ts";
import { canCreateProjects } from "../users/userView.ts";

const getProject = async (deps: Deps, name: string): Promise<ProjectRow> => {
  const project = await findProjectByName(deps.db, name);
  if (!project) throw new AppError("not_found", `Project "${name}" not found`);
  return project;
};

/** The creator becomes its owner and first admin. */
export const createProject = async (
  deps: Deps,
  creator: UserRow,
  wanted: CreateProjectRequest,
): Promise<ProjectRow> => {
  if (!canCreateProjects(deps, creator))
    throw new AppError("forbidden", "Access denied: only admins can create projects");
  if (!PROJECT_NAME.test(wanted.project_name))
    throw new AppError("invalid", `Project name should match regex '${PROJECT_NAME.source}'`);
  const row = {
    id: crypto.randomUUID(),
    name: wanted.project_name,
    owner_id: creator.id,
    is_public: wanted.is_public,
    templates_repo: wanted.templates_repo,
    created_at: deps.clock.now(),
  };
  await insertProject(deps.db, row, deps.tell([projectCreated(row, creator.id)]));
  await deps.engine.noteSharing();
  return getProject(deps, wanted.project_name);
};

/** What is left out stays as it is; a repository that is taken away and given at once is taken away. */
export const updateProject = async (
  { db, tell }: Deps,
  { user, project }: { user: UserRow; project: ProjectRow },
  { is_public, templates_repo, reset_templates_repo }: UpdateProjectRequest,
): Promise<ProjectRow> => {
  const wanted = {
    is_public: is_public ?? project.is_public,
    templates_repo: reset_templates_repo ? null : (templates_repo ?? project.templates_repo),
  };
  const changed = (["is_public", "templates_repo"] as const).filter((key) => project[key] !== wanted[key]);
  if (changed.length === 0) return project;
  await writeAll(db, [
    patchProject(db, project.id, wanted),
    ...tell([projectUpdated(project, changed, user.id)]),
  ]);
  return { ...project, ...wanted };
};

/** All of them with their gateways, or none if one cannot be deleted. For global admins, and for owners and admins of every one of them. */
export const deleteProjects = async (deps: Deps, user: UserRow, names: string[]): Promise<void> => {
  const found = await Promise.all(names.map((name) => findProjectByName(deps.db, name)));
  const missing = names.find((_, at) => found[at] === undefined);
  if (missing !== undefined) throw notThere(user, missing);
  const projects = found.filter((project) => project !== undefined);
  for (const project of projects) await requireDeletable(deps, user, project);
  const gone = [...new Map(projects.map((project) => [project.id, project])).values()];
  const gateways = (await Promise.all(gone.map(({ id }) => listGateways(deps.db, id)))).flat();
  const gatewayIds = gateways.map(({ id }) => id);
  await writeAll(deps.db, [
    ...markGatewaysDeleted(deps.db, gatewayIds),
    ...gone.map((project) => markProjectDeleted(deps.db, project.id)),
    ...deps.tell([
      ...gateways.map((gateway) => gatewayDeleted(gateway, user.id)),
      ...gone.map((project) => projectDeleted(project, user.id)),
    ]),
  ]);
  await deps.engine.noteSharing();
};

/** Whoever may not delete it is not told whether it is there. */
const notThere = (user: UserRow, name: string): AppError =>
  user.global_role === "admin"
    ? new AppError("not_found", `Project "${name}" not found`)
    : new AppError("forbidden", "Access denied");

const requireDeletable = async (deps: Deps, user: UserRow, project: ProjectRow): Promise<void> => {
  const mayDelete =
    user.global_role === "admin" ||
    project.owner_id === user.id ||
    (await findRole(deps.db, project.id, user.id)) === "admin";
  if (!mayDelete) throw new AppError("forbidden", "Access denied");
  if (await hasLiveRuns(deps.db, project.id))
    throw new AppError("conflict", `Project "${project.name}" has active runs`, { hint: "Stop them first" });
  if ((await listProjectsWithFleets(deps.db, [project.id])).length > 0)
    throw new AppError("conflict", `Project "${project.name}" has fleets`, { hint: "Delete them first" });
  if ((await listProjectsWithVolumes(deps.db, [project.id])).length > 0)
    throw new AppError("conflict", `Project "${project.name}" has volumes`, { hint: "Delete them first" });
};
