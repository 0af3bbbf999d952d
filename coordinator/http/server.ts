import { z } from "zod";
import { Health, OAuthProvider, ServerInfo } from "../../shared/api/server.ts";
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
  openRoute({
    path: "/api/auth/list_providers",
    summary: "Ways to log in without a token: there are none",
    tag: "server",
    answer: z.array(OAuthProvider),
    handle: () => [],
  }),
  openRoute({
    // No cloud backends: what there is, hosts bring along.
    path: "/api/backends/list_types",
    summary: "Types of cloud backends that can be set up",
    tag: "backends",
    answer: z.array(z.string()),
    handle: () => [],
  }),
];
