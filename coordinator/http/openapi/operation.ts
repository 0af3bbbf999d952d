import { z } from "zod";
import type { JsonSchema } from "../../../shared/schema/form.ts";
import type { Access } from "../access.ts";
import type { Route } from "../route.ts";
import { REFUSALS, refusalsOf } from "./refusals.ts";

type Refer = (schema: z.ZodType) => JsonSchema;

const ACCESS: Readonly<Record<Access, string>> = {
  none: "For everyone, without a token.",
  service: "For a service beside the coordinator, by a token of its own.",
  auth: "For whoever has a token.",
  gadmin: "For global admins.",
  member: "For members of the project.",
  "member+public": "For members of the project, and for everyone with a token if it is public.",
  "member+importer": "For members of the project, and of projects that it shares it with.",
  "member+public+importer":
    "For members of the project, and of projects that it shares it with, and for everyone with a token if it is public.",
  manager: "For managers and admins of the project.",
  padmin: "For admins of the project.",
};

/** What stands in paths. */
const PATH_PARAMETERS: Readonly<Record<string, string>> = {
  project: "Name of the project, in any case.",
  run: "Name of the run.",
  name: "Name of the instance.",
  file: "What the schema is of, with `.json` behind it.",
  backend: "Type of the backend.",
  provider: "Name of the provider.",
};

export const openApiPath = (path: string): string => path.replace(/:(\w+)/g, "{$1}");

/** `project_runs_get_plan`: the words of the path. */
const operationId = (path: string): string =>
  path
    .split("/")
    .filter((part) => part !== "" && part !== "api" && !part.startsWith(":"))
    .join("_")
    .replaceAll(/\W/g, "_");

const pathParameters = (path: string): JsonSchema[] =>
  [...path.matchAll(/:(\w+)/g)].map(([, name = ""]) => {
    const description = PATH_PARAMETERS[name];
    if (description === undefined) throw new Error(`Say what :${name} of ${path} is`);
    return { name, in: "path", required: true, description, schema: { type: "string", minLength: 1 } };
  });

const queryParameters = (query: z.ZodType | undefined, sent: Refer): JsonSchema[] => {
  if (!(query instanceof z.ZodObject)) return [];
  return Object.entries(query.shape as Record<string, z.ZodType>).map(([name, schema]) => {
    const absent = schema.safeParse(undefined);
    const otherwise = absent.data === undefined ? {} : { default: absent.data };
    return { name, in: "query", required: !absent.success, schema: { ...sent(schema), ...otherwise } };
  });
};

const UPLOADS: Readonly<Record<NonNullable<Route["upload"]>, JsonSchema>> = {
  form: {
    required: true,
    description: "One file, whose name is the SHA-256 of its content in lower-case hex.",
    content: {
      "multipart/form-data": {
        schema: {
          type: "object",
          properties: { file: { type: "string", contentMediaType: "application/octet-stream" } },
          required: ["file"],
        },
      },
    },
  },
  bytes: {
    required: true,
    content: { "application/octet-stream": { schema: { type: "string", format: "binary" } } },
  },
};

const requestBody = ({ body, upload }: Route, sent: Refer): JsonSchema | undefined => {
  if (upload) return UPLOADS[upload];
  if (!body) return undefined;
  // No body at all counts as an empty object.
  const required = !body.safeParse({}).success;
  return { required, content: { "application/json": { schema: sent(body) } } };
};

const success = ({ answer }: Route, answered: Refer): JsonSchema => {
  if (answer instanceof z.ZodType) {
    const isNothing = answer instanceof z.ZodNull;
    return {
      description: isNothing ? "It is done." : "What was asked for.",
      content: { "application/json": { schema: answered(answer) } },
    };
  }
  // Of a stream each line has the schema, which `itemSchema` says from OpenAPI 3.2 on.
  const { media, about, line } = answer;
  const item = line ? { "x-dstack-line": answered(line) } : {};
  const type = /[/+]json$/.test(media) ? "object" : "string";
  return { description: about, content: { [media]: { schema: { type }, ...item } } };
};

export const operationOf = (route: Route, sent: Refer, answered: Refer): JsonSchema => {
  const { path, access, summary, tag, ours, query } = route;
  const body = requestBody(route, sent);
  const parameters = [...pathParameters(path), ...queryParameters(query, sent)];
  const refusals = refusalsOf(route).map((status) => [
    String(status),
    { $ref: `#/components/responses/${REFUSALS[status]?.name}` },
  ]);
  return {
    operationId: operationId(path),
    summary,
    description: ours ? `${ACCESS[access]} Not in dstack's own API.` : ACCESS[access],
    tags: [tag],
    ...(access === "none" ? { security: [] } : {}),
    "x-dstack-access": access,
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: body }),
    responses: { "200": success(route, answered), ...Object.fromEntries(refusals) },
  };
};
