import {
  CreateProjectRequest,
  DeleteProjectsRequest,
  ListProjectsRequest,
  MembersRequest,
  RemoveMembersRequest,
} from "../../shared/api/projects.ts";
import {
  addProjectMembers,
  removeProjectMembers,
  replaceProjectMembers,
} from "../domain/projects/manageMembers.ts";
import { createProject, deleteProjects } from "../domain/projects/manageProjects.ts";
import { viewProject, viewProjects } from "../domain/projects/projectView.ts";
import { visibilityOf } from "../domain/projects/visibleProjects.ts";
import { countProjects, listProjects } from "../store/projects.ts";
import { pageOf } from "./page.ts";
import { projectRoute, type Route, userRoute } from "./route.ts";

export const projectRoutes: Route[] = [
  userRoute({
    path: "/api/projects/list",
    access: "auth",
    body: ListProjectsRequest,
    handle: async ({ deps, user, body }) => {
      const filter = {
        ...(body.include_not_joined ? visibilityOf(user, true) : { memberId: user.id }),
        ...(body.name_pattern === null ? {} : { namePart: body.name_pattern }),
      };
      const projects = await viewProjects(deps, await listProjects(deps.db, filter, pageOf(body)));
      if (!body.return_total_count) return projects;
      return { total_count: await countProjects(deps.db, filter), projects };
    },
  }),
  userRoute({
    path: "/api/projects/create",
    access: "auth",
    body: CreateProjectRequest,
    handle: async ({ deps, user, body }) => viewProject(deps, await createProject(deps, user, body)),
  }),
  userRoute({
    // Rights are looked at for each of the projects named.
    path: "/api/projects/delete",
    access: "auth",
    body: DeleteProjectsRequest,
    handle: ({ deps, user, body }) => deleteProjects(deps, user, body.projects_names),
  }),
  projectRoute({
    path: "/api/projects/:project/get",
    access: "member+public",
    handle: ({ deps, project }) => viewProject(deps, project),
  }),
  projectRoute({
    path: "/api/projects/:project/set_members",
    access: "manager",
    body: MembersRequest,
    handle: async ({ deps, user, role, project, body }) => {
      await replaceProjectMembers(deps, project, { editor: { user, role }, members: body.members });
      return viewProject(deps, project);
    },
  }),
  projectRoute({
    // Also for those who join a public project: the rest is the domain's to say.
    path: "/api/projects/:project/add_members",
    access: "member+public",
    body: MembersRequest,
    handle: async ({ deps, user, role, project, body }) => {
      await addProjectMembers(deps, project, { editor: { user, role }, members: body.members });
      return viewProject(deps, project);
    },
  }),
  projectRoute({
    // Also for those who leave.
    path: "/api/projects/:project/remove_members",
    access: "member",
    body: RemoveMembersRequest,
    handle: async ({ deps, user, role, project, body }) => {
      await removeProjectMembers(deps, project, { editor: { user, role }, usernames: body.usernames });
      return viewProject(deps, project);
    },
  }),
];
