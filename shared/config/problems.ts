import type { z } from "zod";
import { AppError } from "../errors.ts";
import type { Path, ProblemKind } from "../schema/refusal.ts";
import { nounOf, quote } from "../schema/scalar.ts";
import { suggest } from "../schema/suggest.ts";
import { at, kindOf } from "../schema/union.ts";
import type { Position } from "../yaml/parse.ts";

/** One mistake in a configuration. */
export interface Problem {
  kind: ProblemKind;
  /** Keys and indexes from the root of the configuration. */
  path: Path;
  message: string;
  /** What stands there; undefined where something is missing. */
  value: unknown;
  /** Undefined where the configuration was not read from a text. */
  position: Position | undefined;
}

/** Takes down a mistake. */
export type Note = (kind: ProblemKind, path: Path, message: string) => void;

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

/** `ports[0].local_port` */
export const printPath = (path: Path): string =>
  path
    .map((key) =>
      typeof key === "number" ? `[${key}]` : /^[\w-]+$/.test(key) ? `.${key}` : `[${quote(key)}]`,
    )
    .join("")
    .replace(/^\./, "");

/** The longest path that both begin with. */
const commonPath = (a: Path, b: Path): Path => {
  const end = a.findIndex((key, index) => key !== b[index]);
  return end < 0 ? a : a.slice(0, end);
};

/** A single value for both ends of a range is one mistake to people, though each end has it. */
const distinct = (problems: readonly Problem[]): Problem[] => {
  const groups = Map.groupBy(problems, ({ message, position }) =>
    position ? JSON.stringify([message, position]) : {},
  );
  return [...groups.values()].flatMap(([first, ...others]) =>
    first ? [{ ...first, path: others.map(({ path }) => path).reduce(commonPath, first.path) }] : [],
  );
};

/** One line per mistake: `task.dstack.yml:3:8: resources.gpu: …`. */
export const formatProblems = (problems: readonly Problem[], file: string): string =>
  distinct(problems)
    .map(({ path, message, position }) => {
      const place = position ? `${file}:${position.line}:${position.column}` : file;
      return [place, printPath(path), message].filter((part) => part !== "").join(": ");
    })
    .join("\n");

/** A configuration that cannot be used, with every mistake that was found in it. */
export class ConfigurationError extends AppError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], file: string) {
    const count = distinct(problems).length;
    super(
      "invalid",
      `${count} validation error${count === 1 ? "" : "s"} for ${file}\n${formatProblems(problems, file)}`,
    );
    this.name = "ConfigurationError";
    this.problems = problems;
  }
}
