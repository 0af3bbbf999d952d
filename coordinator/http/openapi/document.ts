import { z } from "zod";
import type { JsonSchema } from "../../../shared/schema/form.ts";
import { API_VERSION } from "../../../shared/version.ts";
import type { Route, Tag } from "../route.ts";
import { makeModels, withComponents } from "./components.ts";
import { openApiPath, operationOf } from "./operation.ts";
import { REFUSALS } from "./refusals.ts";

const TAGS: Readonly<Record<Tag, string>> = {
  server: "The coordinator itself",
  users: "People and their tokens",
  projects: "Projects and their members",
  backends: "Cloud backends",
  repos: "Repositories, and code that is uploaded for runs",
  files: "Archives that runs name in `files`",
  runs: "Runs, their plans and offers",
  logs: "Output of jobs",
  metrics: "What jobs and hosts use",
  fleets: "Fleets, and the tokens with which hosts join them",
  instances: "Hosts",
  volumes: "Volumes",
  gateways: "Gateways",
  secrets: "Values that configurations name and nobody sees",
  events: "What happened",
  exports: "Fleets and gateways that other projects may use",
  templates: "Templates of runs",
};

const ABOUT = `What clients say to a coordinator; it is the API of dstack ${API_VERSION.replace(/\.\d+$/, "")}, and some calls of ours.

- Nearly every call is a POST with a JSON body. A field that may be null may be left out. Unknown fields are ignored, except within configurations.
- Answers are JSON, \`null\` where there is nothing to tell. They may get more fields: ignore those that you do not know.
- A bearer token says who calls: \`Authorization: Bearer TOKEN\`.
- \`X-API-VERSION\` may tell the version of the client, and is checked under \`/api/\`; without it, the newest is meant.
- Times are ISO 8601, in UTC with microseconds in answers. Durations are seconds, sizes of memory and disk GB unless a name says otherwise.
- Lists are paged by the sort value and the id of the last element seen, \`prev_…\`.
- The calls of agents, under \`/api/agent/\`, are not described here: they belong to the agent of the same release.`;

interface Options {
  /** For tests: a field that is not described is wrong in answers, too. */
  isStrict?: boolean;
}

/** OpenAPI 3.1 of these routes. Takes some tenths of a second. */
export const makeOpenApi = (routes: readonly Route[], { isStrict = false }: Options = {}): JsonSchema => {
  const refusals = Object.values(REFUSALS);
  const models = makeModels({
    sent: routes.flatMap(({ body, query }) => [...(body ? [body] : []), ...fieldsOf(query)]),
    answered: [...routes.flatMap(answersOf), ...refusals.flatMap(({ bodies }) => bodies)],
    isStrict,
  });
  const paths = Object.fromEntries(
    Map.groupBy(routes, ({ path }) => openApiPath(path))
      .entries()
      .map(([path, methods]) => [
        path,
        Object.fromEntries(
          methods.map((route) => [
            route.method.toLowerCase(),
            operationOf(route, models.sent, models.answered),
          ]),
        ),
      ]),
  );
  const responses = Object.fromEntries(
    refusals.map(({ name, about, bodies }) => {
      const [only, ...others] = bodies.map(models.answered);
      const schema = others.length === 0 ? only : { anyOf: [only, ...others] };
      return [name, { description: about, content: { "application/json": { schema } } }];
    }),
  );
  const used = new Set(routes.map(({ tag }) => tag));
  const { document, schemas } = withComponents({ paths, responses }, models.bodies);
  return {
    openapi: "3.1.0",
    info: { title: "Coordinator", version: API_VERSION, description: ABOUT },
    servers: [{ url: "/" }],
    security: [{ token: [] }],
    tags: Object.entries(TAGS)
      .filter(([name]) => used.has(name as Tag))
      .map(([name, description]) => ({ name, description })),
    paths: document.paths,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
      responses: document.responses,
      schemas,
    },
  };
};

const fieldsOf = (query: z.ZodType | undefined): z.ZodType[] =>
  query instanceof z.ZodObject ? Object.values(query.shape as Record<string, z.ZodType>) : [];

const answersOf = ({ answer }: Route): z.ZodType[] => {
  if (answer instanceof z.ZodType) return [answer];
  return answer.line ? [answer.line] : [];
};
