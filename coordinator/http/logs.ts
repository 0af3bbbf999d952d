import { PollLogsRequest } from "../../shared/api/logs.ts";
import { pollLog } from "../domain/runs/pollLog.ts";
import { projectRoute, type Route } from "./route.ts";

export const logRoutes: Route[] = [
  projectRoute({
    path: "/api/project/:project/logs/poll",
    access: "member",
    body: PollLogsRequest,
    handle: ({ deps, project, body }) => pollLog(deps, project.id, body),
  }),
];
