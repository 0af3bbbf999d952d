import type { z } from "zod";
import type { Path } from "../schema/refusal.ts";
import { nounOf, quote } from "../schema/scalar.ts";
import { suggest } from "../schema/suggest.ts";
import { at, kindOf } from "../schema/union.ts";
import type { Position } from "../yaml/parse.ts";
import type { Problem } from "./problems.ts";

type Issue = z.core.$ZodIssue;

const isText = (value: unknown): value is string => typeof value === "string";

const messageOf = (issue: Issue, value: unknown): string => {
  if (issue.code === "invalid_value") {
    const known = issue.values.filter(isText);
    const meant = isText(value) ? suggest(value, known) : undefined;
    const hint = meant === undefined ? "" : `: did you mean ${meant}?`;
    if (value === undefined) return `This property is required: one of ${known.join(", ")}`;
    return `Expected one of ${known.join(", ")}, got ${nounOf(value)}${hint}`;
  }
  if (issue.code !== "invalid_type") return issue.message;
  if (value === undefined) return "This property is required";
  const expected = issue.expected === "array" ? "a list" : `a ${issue.expected}`;
  return `Expected ${expected}, got ${nounOf(value)}`;
};

const problemsOfIssue = (issue: Issue, input: unknown): Omit<Problem, "position">[] => {
  const path = issue.path as Path;
  if (issue.code !== "unrecognized_keys") {
    const value = at(input, path);
    return [{ kind: kindOf(issue, input), path, message: messageOf(issue, value), value }];
  }
  const messages = issue.message.split("\n");
  return issue.keys.map((key, index) => ({
    kind: "unknown_property" as const,
    path: [...path, key],
    message: messages[index] ?? `Unknown property ${quote(key)}`,
    value: at(input, [...path, key]),
  }));
};

/** What is wrong in words for people; of unknown properties, for each of them. */
export const messagesOf = (issue: Issue, input: unknown): string[] =>
  problemsOfIssue(issue, input).map(({ message }) => message);

/** What a schema found, in the words of configurations. */
export const problemsOf = (
  error: z.ZodError,
  input: unknown,
  locate?: (path: Path, part: "key" | "value") => Position,
): Problem[] =>
  error.issues
    .flatMap((issue) => problemsOfIssue(issue, input))
    .map((problem) => ({
      ...problem,
      position: locate?.(problem.path, problem.kind === "unknown_property" ? "key" : "value"),
    }))
    .toSorted(
      ({ position: a }, { position: b }) =>
        (a?.line ?? 0) - (b?.line ?? 0) || (a?.column ?? 0) - (b?.column ?? 0),
    );
