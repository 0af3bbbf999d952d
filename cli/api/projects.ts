import type { Project } from "../../shared/api/projects.ts";
import type { UserWithCreds } from "../../shared/api/users.ts";
import { answerOf, hasKeys, isText } from "./answer.ts";
import { type Api, post, type RequestOptions } from "./client.ts";

export const getProject = (api: Api, options: RequestOptions = {}): Promise<Project> =>
  post(api, {
    ...options,
    path: `/api/projects/${encodeURIComponent(api.connection.project)}/get`,
    answer: answerOf<Project>(
      hasKeys({ project_id: isText, project_name: isText, owner: hasKeys({ username: isText }) }),
    ),
  });

export const getMyUser = (api: Api, options: RequestOptions = {}): Promise<UserWithCreds> =>
  post(api, {
    ...options,
    path: "/api/users/get_my_user",
    answer: answerOf<UserWithCreds>(hasKeys({ username: isText })),
  });
