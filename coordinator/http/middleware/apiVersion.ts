import type { MiddlewareHandler } from "hono";
import { API_VERSION, RELEASE_HEADER, VERSION } from "../../../shared/version.ts";
import { isTooNew, parseClientVersion } from "../clientVersion.ts";
import type { AppEnv } from "../env.ts";
import { domainError, Refused } from "../errorAnswer.ts";

const SERVER = parseClientVersion(API_VERSION) ?? "latest";

/** Refuses clients that are too new, before anything else but for the page that tells of the API (docs/spec/http-api.md §1.3). */
export const apiVersion = (): MiddlewareHandler<AppEnv> =>
  async function apiVersion(c, next) {
    if (c.req.path === "/api/docs") return next();
    const header = c.req.header("x-api-version");
    const version = parseClientVersion(header);
    if (version === undefined) throw new Refused(domainError(null, `Invalid version: ${header}`));
    if (isTooNew(version, SERVER))
      throw new Refused(
        domainError(
          "error",
          `The client/CLI version (${header}) is incompatible with the server version (${API_VERSION}).`,
        ),
      );
    c.set("clientVersion", version);
    c.header(RELEASE_HEADER, VERSION);
    await next();
  };
