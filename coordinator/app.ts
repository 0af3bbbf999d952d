import { type Context, Hono } from "hono";
import { AGENT_BASE_PATH } from "../shared/protocol/version.ts";
import type { Deps } from "./deps.ts";
import type { AgentLink } from "./engine/agentLink.ts";
import { agentRoutes } from "./http/agent/agentRoutes.ts";
import { artifactRoutes, defaultArtifactsDir } from "./http/artifacts.ts";
import type { AppEnv } from "./http/env.ts";
import { errorAnswer, plainError } from "./http/errorAnswer.ts";
import { apiVersion } from "./http/middleware/apiVersion.ts";
import { jsonBodyLimit } from "./http/middleware/jsonBodyLimit.ts";
import { requestLog } from "./http/middleware/requestLog.ts";
import { ROUTES } from "./http/routes.ts";

/** Everything the coordinator answers over HTTP: to people, to agents, and to hosts that want to become one. */
export const createApp = (deps: Deps & { link: AgentLink }): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  app.use(requestLog(deps));
  app.route(AGENT_BASE_PATH, agentRoutes(deps));
  app.use("/api/*", apiVersion());
  const limit = jsonBodyLimit();
  for (const route of ROUTES) {
    if (!route.upload) app.on(route.method, route.path, limit);
    app.on(route.method, route.path, (c) => route.handle(c, deps));
  }
  const { artifactsDir, publicUrl } = deps.config;
  app.route(
    "/",
    artifactRoutes({
      dir: artifactsDir ?? defaultArtifactsDir(process.execPath),
      publicUrl,
      authorities: () => deps.tls.trust.told?.authorities ?? [],
    }),
  );
  app.notFound(noRoute);
  app.onError((err, c) => {
    const known = errorAnswer(err);
    if (known) return c.json(known.body, known.status);
    c.get("log").error("A request failed", { method: c.req.method, path: c.req.path, err });
    const { body, status } = plainError(500, `Internal server error (request ${c.get("requestId")})`);
    return c.json(body, status);
  });
  return app;
};

/** An unknown route, and one that is asked for in the wrong way (docs/spec/http-api.md §1.4). */
const noRoute = (c: Context<AppEnv>): Response =>
  c.req.method === "GET" || c.req.method === "HEAD"
    ? c.json({ detail: "Not Found" }, 404)
    : c.json({ detail: "Method Not Allowed" }, 405);
