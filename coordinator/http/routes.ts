import { authRoutes } from "./auth.ts";
import { backendRoutes } from "./backends.ts";
import { eventRoutes } from "./events.ts";
import { exportRoutes } from "./exports.ts";
import { fileRoutes } from "./files.ts";
import { fleetRoutes } from "./fleets.ts";
import { gatewayRoutes } from "./gateways.ts";
import { gpuRoutes } from "./gpus.ts";
import { instanceRoutes } from "./instances.ts";
import { joinTokenRoutes } from "./joinTokens.ts";
import { logRoutes } from "./logs.ts";
import { metricRoutes } from "./metrics.ts";
import { openApiRoute } from "./openapi/route.ts";
import { projectRoutes } from "./projects.ts";
import { prometheusRoutes } from "./prometheus.ts";
import { repoRoutes } from "./repos.ts";
import type { Route } from "./route.ts";
import { runStreamRoutes } from "./runStreams.ts";
import { runRoutes } from "./runs.ts";
import { schemaRoutes } from "./schemas.ts";
import { secretRoutes } from "./secrets.ts";
import { serverRoutes } from "./server.ts";
import { sshProxyRoutes } from "./sshProxy.ts";
import { templateRoutes } from "./templates.ts";
import { tunnelRoutes } from "./tunnel.ts";
import { userRoutes } from "./users.ts";
import { volumeRoutes } from "./volumes.ts";
import { welcomeRoutes } from "./welcome.ts";

/** Every route for people, with who may call it. Those of agents: agent/. */
export const ROUTES: readonly Route[] = [
  ...welcomeRoutes,
  ...serverRoutes,
  ...authRoutes,
  ...userRoutes,
  ...projectRoutes,
  ...repoRoutes,
  ...secretRoutes,
  ...fileRoutes,
  ...runRoutes,
  ...runStreamRoutes,
  ...tunnelRoutes,
  ...logRoutes,
  ...metricRoutes,
  ...prometheusRoutes,
  ...fleetRoutes,
  ...joinTokenRoutes,
  ...instanceRoutes,
  ...eventRoutes,
  ...gpuRoutes,
  ...volumeRoutes,
  ...gatewayRoutes,
  ...exportRoutes,
  ...schemaRoutes,
  ...backendRoutes,
  ...templateRoutes,
  ...sshProxyRoutes,
  openApiRoute(() => ROUTES),
];
