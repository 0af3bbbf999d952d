import { Project } from "../../shared/api/projects.ts";
import { UserWithCreds } from "../../shared/api/users.ts";
import { type Api, post } from "./client.ts";

export const getProject = (api: Api): Promise<Project> =>
  post(api, { path: `/api/projects/${encodeURIComponent(api.connection.project)}/get`, answer: Project });

export const getMyUser = (api: Api): Promise<UserWithCreds> =>
  post(api, { path: "/api/users/get_my_user", answer: UserWithCreds });
