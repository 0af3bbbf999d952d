import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { makeOpenApi } from "../http/openapi/document.ts";
import { openApiPath } from "../http/openapi/operation.ts";
import type { Route } from "../http/route.ts";
import { ROUTES } from "../http/routes.ts";

// What the API's description says of an answer, strictly: a field that is not described is wrong.

const ID = "openapi";

interface Described {
  document: ReturnType<typeof makeOpenApi>;
  ajv: Ajv2020;
}

let made: Described | undefined;

/** Made when the first answer is looked at. */
const described = (): Described => {
  if (made) return made;
  const document = makeOpenApi(ROUTES, { isStrict: true });
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true }).addSchema(document, ID);
  made = { document, ajv };
  return made;
};

const validators = new Map<string, ValidateFunction>();

const escaped = (part: string): string =>
  encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"));

const validatorAt = (...place: string[]): ValidateFunction => {
  const $ref = `${ID}#/${place.map(escaped).join("/")}`;
  const known = validators.get($ref);
  if (known) return known;
  const validate = described().ajv.compile({ $ref });
  validators.set($ref, validate);
  return validate;
};

const PATTERNS = ROUTES.map(
  (route) => [route, new RegExp(`^${route.path.replace(/:\w+/g, "[^/]+")}$`)] as const,
);

/** The route that answers; undefined: none of those that are described. */
const routeOf = (method: string, path: string): Route | undefined =>
  PATTERNS.find(([route, pattern]) => route.method === method && pattern.test(path))?.[0];

interface Responses {
  [status: string]: { $ref?: string; content?: Record<string, unknown> } | undefined;
}

const responsesOf = (route: Route): Responses => {
  const paths = described().document["paths"] as Record<string, Record<string, { responses: Responses }>>;
  return paths[openApiPath(route.path)]?.[route.method.toLowerCase()]?.responses ?? {};
};

export interface Answered {
  status: number;
  contentType: string;
  body: unknown;
}

/** What of an answer is not as described; empty: it is. */
export const undocumented = (route: Route, { status, contentType, body }: Answered): string[] => {
  const response = responsesOf(route)[status];
  if (!response) return [`Status ${status} is not described`];
  const media = contentType.split(";")[0] ?? "";
  const place = response.$ref?.slice(2).split("/") ?? [
    "paths",
    openApiPath(route.path),
    route.method.toLowerCase(),
    "responses",
    String(status),
  ];
  const medias = response.$ref ? ["application/json"] : Object.keys(response.content ?? {});
  if (!medias.includes(media)) return [`Content type ${media} is not described, but ${medias.join(", ")}`];
  const at = [...place, "content", media];
  if (media === "application/x-ndjson") {
    const lines = String(body)
      .split("\n")
      .filter((line) => line !== "");
    return lines.flatMap((line) => problemsOf(validatorAt(...at, "x-dstack-line"), JSON.parse(line)));
  }
  return media === "application/json" ? problemsOf(validatorAt(...at, "schema"), body) : [];
};

const problemsOf = (validate: ValidateFunction, body: unknown): string[] => {
  if (validate(body)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath}: ${message} ${JSON.stringify(params)}`,
  );
};

/** Clients before this one may get what they know instead (docs/spec/http-api.md §1.3). */
const isOlder = (version: string | undefined): boolean =>
  version !== undefined && /^0\.(?:1?\d|2[01])\./.test(version) && !version.startsWith("0.21.2");

/** Throws if a call was answered in another way than is described. */
export const checkDocumented = (
  { path, version }: { path: string; version: string | undefined },
  answered: Answered,
): void => {
  const route = routeOf("POST", new URL(path, "http://localhost").pathname);
  if (!route || isOlder(version)) return;
  const wrong = undocumented(route, answered);
  if (wrong.length === 0) return;
  throw new Error(
    `${path} answered ${answered.status} otherwise than described:\n${wrong.slice(0, 10).join("\n")}`,
  );
};
