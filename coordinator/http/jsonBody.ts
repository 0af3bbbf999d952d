import type { z } from "zod";
import type { ValidationErrorBody } from "../../shared/api/errors.ts";
import { messagesOf } from "../../shared/config/schemaProblems.ts";
import { referencePlace, referenceText } from "./referenceTexts.ts";

type Problem = ValidationErrorBody["detail"][number];

/** The body does not have the route's shape: 422, in the reference's form. */
export class InvalidBody extends Error {
  readonly problems: Problem[];

  constructor(problems: Problem[]) {
    super(problems.map((problem) => problem.msg).join("; "));
    this.name = "InvalidBody";
    this.problems = problems;
  }
}

const isJson = (contentType: string | null): boolean =>
  /^application\/(?:json|[\w.-]+\+json)\s*(?:;|$)/i.test(contentType ?? "");

/** The answer must not be larger than the request by much, whatever is wrong with it. */
const MOST_PROBLEMS = 100;
const MOST_INPUT_CHARS = 1_000;

/** Reads, parses and checks the body. No body at all counts as `{}`: several routes are called with none. */
export const readJsonBody = async <S extends z.ZodType>(
  request: Request,
  schema: S,
): Promise<z.output<S>> => {
  const text = await request.text();
  return check(schema, text === "" ? {} : parseJson(request, text), "body");
};

/** Checks what stands behind the question mark; unknown names are ignored. */
export const readQuery = <S extends z.ZodType>(query: Record<string, string>, schema: S): z.output<S> =>
  check(schema, query, "query");

type Place = "body" | "query";

const check = <S extends z.ZodType>(schema: S, value: unknown, place: Place): z.output<S> => {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.slice(0, MOST_PROBLEMS);
  throw new InvalidBody(issues.flatMap((issue) => problemsOf(issue, value, place)));
};

/** Far above any configuration. What is nested deeper costs seconds to look at, and the stack at last. */
const MOST_DEPTH = 100;

const QUOTE = 34;
const BACKSLASH = 92;

/** By the brackets that are not within texts. */
const isDeeperThan = (json: string, most: number): boolean => {
  let depth = 0;
  let isText = false;
  for (let i = 0; i < json.length; i++) {
    const char = json.charCodeAt(i);
    if (isText) {
      if (char === BACKSLASH) i++;
      else if (char === QUOTE) isText = false;
    } else if (char === QUOTE) isText = true;
    // [ and ] are 91 and 93, { and } 123 and 125.
    else if (char === 91 || char === 123) {
      if (++depth > most) return true;
    } else if (char === 93 || char === 125) depth--;
  }
  return false;
};

const parseJson = (request: Request, text: string): unknown => {
  if (!isJson(request.headers.get("content-type"))) {
    const msg = "Input should be a valid object: the content type is not application/json";
    throw new InvalidBody([{ type: "model_attributes_type", loc: ["body"], msg }]);
  }
  if (isDeeperThan(text, MOST_DEPTH)) {
    const msg = `JSON decode error: nested deeper than ${MOST_DEPTH}`;
    throw new InvalidBody([{ type: "json_invalid", loc: ["body"], msg }]);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidBody([{ type: "json_invalid", loc: ["body"], msg: "JSON decode error" }]);
  }
};

/** The reference's words for programs, and in `hint` the command line's for people. */
const problemsOf = (issue: z.core.$ZodIssue, body: unknown, place: Place): Problem[] => {
  const hints = messagesOf(issue, body);
  return referenceProblems(issue, body, place).map((problem, index) => {
    const hint = hints[index];
    return hint === undefined || hint === problem.msg ? problem : { ...problem, hint };
  });
};

const EXTRA = { type: "extra_forbidden", msg: "Extra inputs are not permitted" };
const MISSING = { type: "missing", msg: "Field required" };

const referenceProblems = (issue: z.core.$ZodIssue, body: unknown, place: Place): Problem[] => {
  const path = issue.path.map((key) => (typeof key === "symbol" ? String(key) : key));
  const problem = (
    at: (string | number)[],
    text: Pick<Problem, "type" | "msg">,
    input: unknown,
  ): Problem => ({
    ...text,
    loc: [place, ...referencePlace(at, body)],
    ...(JSON.stringify(input).length <= MOST_INPUT_CHARS ? { input } : {}),
  });
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => {
      const at = [...path, key];
      return problem(at, EXTRA, valueAt(body, at));
    });
  const input = valueAt(body, path);
  // What should have held it is shown instead.
  if (input === undefined) return [problem(path, MISSING, valueAt(body, path.slice(0, -1)) ?? null)];
  return [problem(path, referenceText(issue, input) ?? { type: typeOf(issue), msg: issue.message }, input)];
};

const valueAt = (body: unknown, path: (string | number)[]): unknown =>
  path.reduce<unknown>(
    (value, key) => (typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined),
    body,
  );

const typeOf = (issue: z.core.$ZodIssue): string => {
  if (issue.code === "custom" && typeof issue.params?.["kind"] === "string") return issue.params["kind"];
  return issue.code;
};
