import type { OAuthProvider, ServerInfo } from "../../shared/api/server.ts";
import { API_VERSION } from "../../shared/version.ts";
import { openRoute, type Route } from "./route.ts";

export const serverRoutes: Route[] = [
  openRoute({ method: "GET", path: "/healthcheck", handle: () => ({ status: "running" }) }),
  openRoute({
    path: "/api/server/get_info",
    handle: (): ServerInfo => ({ server_version: API_VERSION }),
  }),
  openRoute({ path: "/api/auth/list_providers", handle: (): OAuthProvider[] => [] }),
  // No cloud backends: what there is, hosts bring along.
  openRoute({ path: "/api/backends/list_types", handle: (): string[] => [] }),
];
