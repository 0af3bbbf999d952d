import { Health, ServerInfo } from "../../shared/api/server.ts";
import { API_VERSION } from "../../shared/version.ts";
import { openRoute, type Route } from "./route.ts";

export const serverRoutes: Route[] = [
  openRoute({
    method: "GET",
    path: "/healthcheck",
    summary: "Whether the coordinator answers",
    tag: "server",
    answer: Health,
    handle: () => ({ status: "running" as const }),
  }),
  openRoute({
    path: "/api/server/get_info",
    summary: "Version of the API",
    tag: "server",
    answer: ServerInfo,
    handle: () => ({ server_version: API_VERSION }),
  }),
];
