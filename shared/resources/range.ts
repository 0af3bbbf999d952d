import { z } from "zod";
import { accepts, either, formOf, type JsonSchema } from "../schema/form.ts";
import { type Finding, Refusal, refuse, under } from "../schema/refusal.ts";
import { isMapping, nounOf, parseInteger, quote } from "../schema/scalar.ts";

/** `null` means unbounded (docs/spec/configuration.md §1.1). */
export interface Range {
  min: number | null;
  max: number | null;
}

export const Range = z.object({ min: z.number().nullable(), max: z.number().nullable() });

type ParseEnd = (input: unknown) => number;

/** Both ends are checked, so that a bad pair gives both mistakes. */
const parseEnds = (ends: { min: unknown; max: unknown }, parseEnd: ParseEnd): Range => {
  const findings: Finding[] = [];
  const end = (key: "min" | "max"): number | null => {
    const input = ends[key];
    if (input === null || input === undefined) return null;
    try {
      return under([key], () => parseEnd(input));
    } catch (err) {
      if (!(err instanceof Refusal)) throw err;
      findings.push(...err.findings);
      return null;
    }
  };
  const range = { min: end("min"), max: end("max") };
  if (findings.length > 0) throw new Refusal(findings);
  return range;
};

const ordered = (range: Range): Range => {
  if (range.min === null && range.max === null) {
    return refuse("invalid_value", "The range is empty: give a lower or an upper end");
  }
  if (range.min !== null && range.max !== null && range.min > range.max) {
    return refuse("out_of_range", `The range begins with ${range.min}, above its end ${range.max}`);
  }
  return range;
};

const endsOfText = (text: string): { min: unknown; max: unknown } => {
  const ends = text.replaceAll(" ", "").split("..");
  if (ends.length !== 2) return refuse("invalid_value", `Expected one ".." in a range, got ${quote(text)}`);
  return { min: ends[0] || null, max: ends[1] || null };
};

const endsOfMapping = (input: Record<string, unknown>): { min: unknown; max: unknown } => {
  const unknown = Object.keys(input).filter((key) => key !== "min" && key !== "max");
  if (unknown.length > 0) {
    throw new Refusal(
      unknown.map((key) => ({
        kind: "unknown_property",
        message: `Unknown property ${quote(key)}: known are min, max`,
        path: [key],
      })),
    );
  }
  return { min: input["min"], max: input["max"] };
};

/** The ends as written, before they are parsed. */
export const endsOf = (input: unknown): { min: unknown; max: unknown } => {
  if (isMapping(input)) return endsOfMapping(input);
  if (input === null || Array.isArray(input)) {
    return refuse("wrong_type", `Expected a value or a range like 2..4, got ${nounOf(input)}`);
  }
  if (typeof input === "string" && input.includes("..")) return endsOfText(input);
  return { min: input, max: input };
};

/** `value`, `a..b`, `a..`, `..b` or `{min, max}`. */
export const rangeOf = (parseEnd: ParseEnd) =>
  accepts(
    rangeForm((formOf(parseEnd) ?? {}) as JsonSchema),
    (input: unknown): Range => ordered(parseEnds(endsOf(input), parseEnd)),
  );

const rangeForm = ({ title = "value", ...end }: JsonSchema): JsonSchema => {
  const text = String(end["pattern"] ?? "^.*$").slice(1, -1);
  const bound = { anyOf: [end, { type: "null" }] };
  return either(
    `${String(title)} or range`,
    end,
    { type: "string", pattern: `^ *(${text})? *\\.\\. *(${text})? *$` },
    { type: "object", properties: { min: bound, max: bound }, additionalProperties: false, minProperties: 1 },
  );
};

export const parseIntegerRange = rangeOf(parseInteger);

/** The shortest text that parses to this range. */
export const printRange = ({ min, max }: Range, printEnd: (end: number) => string = String): string => {
  if (min !== null && min === max) return printEnd(min);
  return `${min === null ? "" : printEnd(min)}..${max === null ? "" : printEnd(max)}`;
};
