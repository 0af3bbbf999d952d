import type { Context } from "hono";
import { z } from "zod";
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
  requireServiceToken,
  type UserAccess,
} from "./access.ts";
import type { AppEnv } from "./env.ts";
import { readJsonBody, readQuery } from "./jsonBody.ts";

type RouteMethod = "GET" | "POST";

/** Groups of calls, as the API's description (`/openapi.json`) has them. */
export type Tag =
  | "server"
  | "users"
  | "projects"
  | "backends"
  | "repos"
  | "files"
  | "runs"
  | "logs"
  | "metrics"
  | "fleets"
  | "instances"
  | "volumes"
  | "gateways"
  | "secrets"
  | "events"
  | "exports"
  | "templates";

/** An answer that is not JSON of one schema: the handler makes the whole response. */
interface MediaAnswer {
  media: string;
  about: string;
  /** Of a stream of lines: each of them. */
  line?: z.ZodType;
}

/** Uploads have their own limit and read the body themselves: a form with one file, or the bytes alone. */
type Upload = "form" | "bytes";

/** What a call that succeeds answers. */
type AnswerForm = z.ZodType | MediaAnswer;

/** Of routes that answer nothing, which is `null` on the wire. */
export const NOTHING = z.null();

/** What is said of a route besides what it does. */
interface Description {
  path: string;
  /** In one line, without a dot at its end. */
  summary: string;
  tag: Tag;
  /** Not in the reference's API. */
  ours?: true;
  /** Statuses that the route refuses with by itself, besides those of its access, its body and the domain. */
  refusals?: readonly number[];
}

/** A route with who may call it; the app mounts these and nothing else. */
export interface Route extends Description {
  method: RouteMethod;
  access: Access;
  body: z.ZodType | undefined;
  query: z.ZodType | undefined;
  answer: AnswerForm;
  upload: Upload | undefined;
  handle: (c: Context<AppEnv>, deps: Deps) => Promise<Response>;
}

type Form = z.ZodType;
type Missing = z.ZodUndefined;

interface OpenCall<S extends Form, Q extends Form> {
  c: Context<AppEnv>;
  deps: Deps;
  body: z.output<S>;
  query: z.output<Q>;
}

interface UserCall<S extends Form, Q extends Form> extends OpenCall<S, Q> {
  user: UserRow;
}

interface ProjectCall<S extends Form, Q extends Form> extends UserCall<S, Q> {
  project: ProjectRow;
  /** Undefined: not a member. */
  role: ProjectRole | undefined;
}

/** What a handler gives back is sent as JSON, unless it is an answer already. */
type Given<A extends AnswerForm> = Response | (A extends z.ZodType ? z.output<A> : never);

type Returned<A extends AnswerForm> = A extends z.ZodNull
  ? Promise<void> | Promise<Response>
  : Given<A> | Promise<Given<A>>;

interface Definition<S extends Form, Q extends Form, A extends AnswerForm> extends Description {
  method?: RouteMethod;
  /** Left out: the body is not read. */
  body?: S;
  /** What stands behind the question mark. */
  query?: Q;
  /** Its type is what `handle` has to give; answers are not checked again when they are sent. */
  answer: A;
  upload?: Upload;
}

interface Handled<Call, A extends AnswerForm> {
  handle: (call: Call) => Returned<A>;
}

const respond = (c: Context<AppEnv>, given: unknown): Response =>
  given instanceof Response ? given : c.json(given ?? null);

/** What the caller sent, checked: read when it is known that the caller may call. */
const sentTo = async <S extends Form, Q extends Form>(
  c: Context<AppEnv>,
  { body, query }: { body?: S; query?: Q },
): Promise<{ body: z.output<S>; query: z.output<Q> }> => ({
  query: query ? readQuery(c.req.query(), query) : (undefined as z.output<Q>),
  body: body ? await readJsonBody(c.req.raw, body) : (undefined as z.output<S>),
});

const common = ({
  path,
  method = "POST",
  summary,
  tag,
  ours,
  refusals,
  body,
  query,
  answer,
  upload,
}: Definition<Form, Form, AnswerForm>) => ({
  path,
  method,
  summary,
  tag,
  body,
  query,
  answer,
  upload,
  ...(ours && { ours }),
  ...(refusals && { refusals }),
});

/** For everyone, without a token. */
export const openRoute = <A extends AnswerForm, S extends Form = Missing, Q extends Form = Missing>(
  definition: Definition<S, Q, A> & Handled<OpenCall<S, Q>, A>,
): Route => ({
  ...common(definition),
  access: "none",
  handle: async (c, deps) =>
    respond(c, await definition.handle({ c, deps, ...(await sentTo(c, definition)) })),
});

/** For a service beside the coordinator, by a token of its own. */
export const serviceRoute = <A extends AnswerForm, S extends Form = Missing, Q extends Form = Missing>(
  definition: Definition<S, Q, A> & Handled<OpenCall<S, Q>, A>,
): Route => ({
  ...common(definition),
  access: "service",
  handle: async (c, deps) => {
    requireServiceToken(c, deps.config.sshProxyToken);
    return respond(c, await definition.handle({ c, deps, ...(await sentTo(c, definition)) }));
  },
});

/** For whoever has a token (`auth`), or for global admins (`gadmin`). */
export const userRoute = <A extends AnswerForm, S extends Form = Missing, Q extends Form = Missing>(
  definition: Definition<S, Q, A> & { access: UserAccess } & Handled<UserCall<S, Q>, A>,
): Route => ({
  ...common(definition),
  access: definition.access,
  handle: async (c, deps) => {
    const user = await authenticate(c, deps);
    requireGlobalRole(user, definition.access);
    return respond(c, await definition.handle({ c, deps, user, ...(await sentTo(c, definition)) }));
  },
});

/** For people of the project named in the path by `:project`. */
export const projectRoute = <A extends AnswerForm, S extends Form = Missing, Q extends Form = Missing>(
  definition: Definition<S, Q, A> & { access: ProjectAccess } & Handled<ProjectCall<S, Q>, A>,
): Route => ({
  ...common(definition),
  access: definition.access,
  handle: async (c, deps) => {
    const user = await authenticate(c, deps);
    const name = c.req.param("project") ?? "";
    const entry = await enterProject(deps, user, { name, access: definition.access });
    const sent = await sentTo(c, definition);
    return respond(c, await definition.handle({ c, deps, user, ...entry, ...sent }));
  },
});
