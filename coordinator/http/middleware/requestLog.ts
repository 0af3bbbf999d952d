import type { MiddlewareHandler } from "hono";
import type { Deps } from "../../deps.ts";
import type { AppEnv } from "../env.ts";

/**
 * Gives each request an id, which is in its log lines and in the answer, and writes one line when it has been
 * answered. Healthy calls of agents are many and all alike: they are written at level `debug`.
 */
export const requestLog = (deps: Deps): MiddlewareHandler<AppEnv> =>
  async function requestLog(c, next) {
    const requestId = crypto.randomUUID();
    const log = deps.log.child({ requestId });
    c.set("requestId", requestId);
    c.set("log", log);
    c.header("x-request-id", requestId);
    const startedAt = performance.now();
    await next();
    const fields = {
      method: c.req.method,
      path: c.req.path,
      status: c.res.status,
      ms: Math.round((performance.now() - startedAt) * 10) / 10,
      user: c.get("username"),
    };
    const isRoutine = c.res.ok && (c.req.path.startsWith("/api/agent/") || c.req.path === "/healthcheck");
    log[isRoutine ? "debug" : "info"]("answered", fields);
  };
