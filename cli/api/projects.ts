import type { Project } from "../../shared/api/projects.ts";
import type { UserWithCreds } from "../../shared/api/users.ts";
import { answerOf, hasKeys, isText } from "./answer.ts";
import { type Api, post } from "./client.ts";

export const getProject = (api: Api): Promise<Project> =>
  post(api, {
    path: `/api/projects/${encodeURIComponent(api.connection.project)}/get`,
    answer: answerOf<Project>(hasKeys({ project_id: isText, project_name: isText })),
  });

export const getMyUser = (api: Api): Promise<UserWithCreds> =>
  post(api, {
    path: "/api/users/get_my_user",
    answer: answerOf<UserWithCreds>(hasKeys({ username: isText })),
  });
