import type { Context } from "hono";
import type { z } from "zod";
import type { Deps } from "../deps.ts";
import type { ProjectRole } from "../store/members.ts";
import type { ProjectRow } from "../store/projects.ts";
import type { UserRow } from "../store/users.ts";
import {
  type Access,
  authenticate,
  enterProject,
  type ProjectAccess,
  requireGlobalRole,
  type UserAccess,
} from "./access.ts";
import type { AppEnv } from "./env.ts";
import { readJsonBody } from "./jsonBody.ts";

type RouteMethod = "GET" | "POST";

/** A route with who may call it; the app mounts these and nothing else. */
export interface Route {
  method: RouteMethod;
  path: string;
  access: Access;
  /** Uploads have their own limit and read the body themselves. */
  upload: boolean;
  handle: (c: Context<AppEnv>, deps: Deps) => Promise<Response>;
}

interface OpenCall<S extends z.ZodType> {
  c: Context<AppEnv>;
  deps: Deps;
  body: z.output<S>;
}

interface UserCall<S extends z.ZodType> extends OpenCall<S> {
  user: UserRow;
}

interface ProjectCall<S extends z.ZodType> extends UserCall<S> {
  project: ProjectRow;
  /** Undefined: not a member. */
  role: ProjectRole | undefined;
}

/** What a handler gives back is sent as JSON (nothing: `null`), unless it is an answer already. */
type Given = unknown;

interface Definition<S extends z.ZodType> {
  method?: RouteMethod;
  path: string;
  /** Left out: the body is not read. */
  body?: S;
  upload?: boolean;
}

const respond = (c: Context<AppEnv>, given: Given): Response =>
  given instanceof Response ? given : c.json(given ?? null);

const bodyOf = async <S extends z.ZodType>(
  c: Context<AppEnv>,
  definition: Definition<S>,
): Promise<z.output<S>> =>
  definition.body ? readJsonBody(c.req.raw, definition.body) : (undefined as z.output<S>);

const common = (definition: Definition<z.ZodType>) => ({
  method: definition.method ?? "POST",
  path: definition.path,
  upload: definition.upload ?? false,
});

/** For everyone, without a token. */
export const openRoute = <S extends z.ZodType = z.ZodUndefined>(
  definition: Definition<S> & { handle: (call: OpenCall<S>) => Given | Promise<Given> },
): Route => ({
  ...common(definition),
  access: "none",
  handle: async (c, deps) =>
    respond(c, await definition.handle({ c, deps, body: await bodyOf(c, definition) })),
});

/** For whoever has a token (`auth`), or for global admins (`gadmin`). */
export const userRoute = <S extends z.ZodType = z.ZodUndefined>(
  definition: Definition<S> & {
    access: UserAccess;
    handle: (call: UserCall<S>) => Given | Promise<Given>;
  },
): Route => ({
  ...common(definition),
  access: definition.access,
  handle: async (c, deps) => {
    const user = await authenticate(c, deps);
    requireGlobalRole(user, definition.access);
    return respond(c, await definition.handle({ c, deps, user, body: await bodyOf(c, definition) }));
  },
});

/** For people of the project named in the path by `:project`. */
export const projectRoute = <S extends z.ZodType = z.ZodUndefined>(
  definition: Definition<S> & {
    access: ProjectAccess;
    handle: (call: ProjectCall<S>) => Given | Promise<Given>;
  },
): Route => ({
  ...common(definition),
  access: definition.access,
  handle: async (c, deps) => {
    const user = await authenticate(c, deps);
    const name = c.req.param("project") ?? "";
    const entry = await enterProject(deps, user, { name, access: definition.access });
    const body = await bodyOf(c, definition);
    return respond(c, await definition.handle({ c, deps, user, ...entry, body }));
  },
});
