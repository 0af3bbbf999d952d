import { JobSubmissionLogs, PollLogsRequest } from "../../shared/api/logs.ts";
import { pollLog } from "../domain/runs/pollLog.ts";
import { projectRoute, type Route } from "./route.ts";

export const logRoutes: Route[] = [
  projectRoute({
    path: "/api/project/:project/logs/poll",
    summary: "A page of a job's output",
    tag: "logs",
    access: "member",
    body: PollLogsRequest,
    answer: JobSubmissionLogs,
    handle: ({ deps, project, body }) => pollLog(deps, project.id, body),
  }),
];
