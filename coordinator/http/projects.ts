import { z } from "zod";
import {
  CreateProjectRequest,
  DeleteProjectsRequest,
  ListProjectsRequest,
  MembersRequest,
  Project,
  ProjectList,
  RemoveMembersRequest,
  UpdateProjectRequest,
} from "../../shared/api/projects.ts";
import {
  addProjectMembers,
  removeProjectMembers,
  replaceProjectMembers,
} from "../domain/projects/manageMembers.ts";
import { createProject, deleteProjects, updateProject } from "../domain/projects/manageProjects.ts";
import { viewProject, viewProjects } from "../domain/projects/projectView.ts";
import { visibilityOf } from "../domain/projects/visibleProjects.ts";
import { getUserByName } from "../domain/users/manageUsers.ts";
import { listProjectsWithFleets } from "../store/fleets.ts";
import { countProjects, listProjects } from "../store/projects.ts";
import { NO_LIMIT, pageOf } from "./page.ts";
import { NOTHING, projectRoute, type Route, userRoute } from "./route.ts";

export const projectRoutes: Route[] = [
  userRoute({
    path: "/api/projects/list",
    summary: "Projects that the caller may see",
    tag: "projects",
    access: "auth",
    body: ListProjectsRequest,
    answer: ProjectList,
    handle: async ({ deps, user, body }) => {
      const of = body.username === null ? undefined : await getUserByName(deps, body.username);
      const filter = {
        ...(body.include_not_joined ? visibilityOf(user, true) : { memberId: user.id }),
        ...(body.name_pattern === null ? {} : { namePart: body.name_pattern }),
        ...(of ? { ofUserId: of.id } : {}),
      };
      const projects = await viewProjects(deps, await listProjects(deps.db, filter, pageOf(body)), of);
      if (!body.return_total_count) return projects;
      return { total_count: await countProjects(deps.db, filter), projects };
    },
  }),
  userRoute({
    path: "/api/projects/list_only_no_fleets",
    summary: "Projects that the caller is in and that have no fleets",
    tag: "projects",
    access: "auth",
    answer: z.array(Project),
    handle: async ({ deps, user }) => {
      const joined = await listProjects(deps.db, { memberId: user.id }, NO_LIMIT);
      const ids = joined.map((project) => project.id);
      const withFleets = new Set(await listProjectsWithFleets(deps.db, ids));
      return viewProjects(
        deps,
        joined.filter((project) => !withFleets.has(project.id)),
      );
    },
  }),
  userRoute({
    path: "/api/projects/create",
    summary: "Make a project, whose admin the caller becomes",
    tag: "projects",
    access: "auth",
    body: CreateProjectRequest,
    answer: Project,
    handle: async ({ deps, user, body }) => viewProject(deps, await createProject(deps, user, body)),
  }),
  userRoute({
    // Rights are looked at for each of the projects named.
    path: "/api/projects/delete",
    summary: "Delete projects in which nothing is alive",
    tag: "projects",
    access: "auth",
    body: DeleteProjectsRequest,
    answer: NOTHING,
    handle: ({ deps, user, body }) => deleteProjects(deps, user, body.projects_names),
  }),
  projectRoute({
    path: "/api/projects/:project/get",
    summary: "A project with its members",
    tag: "projects",
    access: "member+public",
    answer: Project,
    handle: ({ deps, project }) => viewProject(deps, project),
  }),
  projectRoute({
    path: "/api/projects/:project/update",
    summary: "Say whether the project is public, and where its templates are",
    tag: "projects",
    access: "padmin",
    body: UpdateProjectRequest,
    answer: Project,
    handle: async ({ deps, user, project, body }) =>
      viewProject(deps, await updateProject(deps, { user, project }, body)),
  }),
  projectRoute({
    path: "/api/projects/:project/set_members",
    summary: "Replace the members",
    tag: "projects",
    access: "manager",
    body: MembersRequest,
    answer: Project,
    handle: async ({ deps, user, role, project, body }) => {
      await replaceProjectMembers(deps, project, { editor: { user, role }, members: body.members });
      return viewProject(deps, project);
    },
  }),
  projectRoute({
    // Also for those who join a public project: the rest is the domain's to say.
    path: "/api/projects/:project/add_members",
    summary: "Add members or change their roles; also to join a public project",
    tag: "projects",
    access: "member+public",
    body: MembersRequest,
    answer: Project,
    handle: async ({ deps, user, role, project, body }) => {
      await addProjectMembers(deps, project, { editor: { user, role }, members: body.members });
      return viewProject(deps, project);
    },
  }),
  projectRoute({
    // Also for those who leave.
    path: "/api/projects/:project/remove_members",
    summary: "Remove members; also to leave",
    tag: "projects",
    access: "member",
    body: RemoveMembersRequest,
    answer: Project,
    handle: async ({ deps, user, role, project, body }) => {
      await removeProjectMembers(deps, project, { editor: { user, role }, usernames: body.usernames });
      return viewProject(deps, project);
    },
  }),
];
