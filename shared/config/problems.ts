import { AppError } from "../errors.ts";
import type { Path, ProblemKind } from "../schema/refusal.ts";
import { quote } from "../schema/scalar.ts";
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

/** What a problem's text is made of, for those who can show colours. */
export type Part = "place" | "gutter" | "mark";

interface Shown {
  /** How messages call the file. */
  file: string;
  /** What it holds; without it, no lines are shown. */
  text?: string | undefined;
  /** Decorates a part; by default it stays as it is. */
  paint?: (text: string, part: Part) => string;
}

/** Longer lines are shown around the mistake only. */
const MAX_SHOWN = 100;

/** The line with the mistake, and marks under it. */
const snippetOf = (
  { line, column, width = 1 }: Position,
  text: string,
  paint: NonNullable<Shown["paint"]>,
) => {
  const whole = text.split("\n", line)[line - 1]?.trimEnd() ?? "";
  if (whole.trim() === "") return [];
  const from = Math.max(0, Math.min(column - 1 - MAX_SHOWN / 2, whole.length - MAX_SHOWN));
  const shown = whole.slice(from, from + MAX_SHOWN);
  const before = shown.slice(0, column - 1 - from).replace(/[^\t]/g, " ");
  const marks = "^".repeat(Math.max(1, Math.min(width, shown.length - before.length)));
  const number = String(line).padStart(4);
  return [
    `${paint(`${number} |`, "gutter")} ${shown}`,
    `${paint(`${" ".repeat(number.length)} |`, "gutter")} ${before}${paint(marks, "mark")}`,
  ];
};

/** For each mistake `task.dstack.yml:3:8: resources.gpu: …`, and the line it is in. */
const formatProblems = (
  problems: readonly Problem[],
  { file, text, paint = (part) => part }: Shown,
): string =>
  distinct(problems)
    .flatMap(({ path, message, position }) => {
      const place = position ? `${file}:${position.line}:${position.column}` : file;
      const words = [printPath(path), message].filter((part) => part !== "").join(": ");
      const snippet = position && text !== undefined ? snippetOf(position, text, paint) : [];
      return [`${paint(`${place}:`, "place")} ${words}`, ...snippet];
    })
    .join("\n");

/** A configuration that cannot be used, with every mistake that was found in it. */
export class ConfigurationError extends AppError {
  readonly problems: readonly Problem[];
  readonly #file: string;
  readonly #text: string | undefined;

  /** `text` is what the file holds, for its lines to be shown. */
  constructor(problems: readonly Problem[], file: string, text?: string) {
    super("invalid", `${headline(problems, file)}\n${formatProblems(problems, { file, text })}`);
    this.name = "ConfigurationError";
    this.problems = problems;
    this.#file = file;
    this.#text = text;
  }

  /** The message, decorated. */
  format(paint: NonNullable<Shown["paint"]>): string {
    const shown = { file: this.#file, text: this.#text, paint };
    return `${headline(this.problems, this.#file)}\n${formatProblems(this.problems, shown)}`;
  }
}

const headline = (problems: readonly Problem[], file: string): string => {
  const count = distinct(problems).length;
  return `${count} validation error${count === 1 ? "" : "s"} for ${file}`;
};
