import { z } from "zod";
import {
  CreateVolumeRequest,
  DeleteVolumesRequest,
  GetVolumeRequest,
  ListVolumesRequest,
  Volume,
} from "../../shared/api/volumes.ts";
import { AppError } from "../../shared/errors.ts";
import type { Deps } from "../deps.ts";
import { listVisibleProjects } from "../domain/projects/visibleProjects.ts";
import { createVolume, deleteVolumes, getVolumeByName } from "../domain/volumes/manageVolumes.ts";
import { viewVolume, viewVolumes } from "../domain/volumes/volumeView.ts";
import type { Page } from "../store/page.ts";
import type { ProjectRow } from "../store/projects.ts";
import { listVolumes } from "../store/volumes.ts";
import { type ClientVersion, unknownVolumeBackends } from "./clientVersion.ts";
import { NO_LIMIT, pageOf } from "./page.ts";
import { NOTHING, projectRoute, type Route, userRoute } from "./route.ts";

const viewOf = (
  deps: Deps,
  projects: ProjectRow[],
  { withDeleted, page, client }: { withDeleted: boolean; page: Page; client: ClientVersion },
): Promise<Volume[]> => {
  const projectIds = projects.map((project) => project.id);
  const filter = { projectIds, withDeleted, notOfBackends: unknownVolumeBackends(client) };
  const names = new Map(projects.map((project) => [project.id, project.name]));
  return listVolumes(deps.db, filter, page).then((rows) => viewVolumes(deps, rows, names));
};

export const volumeRoutes: Route[] = [
  userRoute({
    path: "/api/volumes/list",
    summary: "Volumes of all projects that the caller is in",
    tag: "volumes",
    access: "auth",
    body: ListVolumesRequest,
    answer: z.array(Volume),
    handle: async ({ c, deps, user, body }) => {
      const projects = (await listVisibleProjects(deps, user)).filter(
        (project) => body.project_name === null || project.name === body.project_name,
      );
      const [page, client] = [pageOf(body), c.get("clientVersion")];
      return viewOf(deps, projects, { withDeleted: !body.only_active, page, client });
    },
  }),
  projectRoute({
    path: "/api/project/:project/volumes/list",
    summary: "Volumes of the project",
    tag: "volumes",
    access: "member",
    answer: z.array(Volume),
    handle: ({ c, deps, project }) =>
      viewOf(deps, [project], { withDeleted: false, page: NO_LIMIT, client: c.get("clientVersion") }),
  }),
  projectRoute({
    path: "/api/project/:project/volumes/get",
    summary: "A volume by its name",
    tag: "volumes",
    access: "member",
    body: GetVolumeRequest,
    answer: Volume,
    handle: async ({ c, deps, project, body }) => {
      const row = await getVolumeByName(deps, project.id, body.name);
      const { backend } = row.configuration;
      if (unknownVolumeBackends(c.get("clientVersion")).includes(backend))
        throw new AppError("unsupported", `This client is too old for volumes of ${backend}`);
      return viewVolume(deps, project, row);
    },
  }),
  projectRoute({
    path: "/api/project/:project/volumes/create",
    summary: "Ask for a volume",
    tag: "volumes",
    access: "member",
    body: CreateVolumeRequest,
    answer: Volume,
    handle: ({ deps, user, project, body }) => createVolume(deps, { user, project }, body.configuration),
  }),
  projectRoute({
    path: "/api/project/:project/volumes/delete",
    summary: "Delete volumes",
    tag: "volumes",
    access: "member",
    body: DeleteVolumesRequest,
    answer: NOTHING,
    handle: ({ deps, user, project, body }) =>
      deleteVolumes(deps, project.id, { names: body.names, actorId: user.id }),
  }),
];
