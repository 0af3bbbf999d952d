import type { z } from "zod";

// What the reference says of a body that does not have its form: scripts read its types and sentences.

interface Text {
  type: string;
  msg: string;
}

const MAPPING: Text = {
  type: "model_attributes_type",
  msg: "Input should be a valid dictionary or object to extract fields from",
};

const BY_TYPE: Readonly<Record<string, Text>> = {
  string: { type: "string_type", msg: "Input should be a valid string" },
  number: { type: "float_type", msg: "Input should be a valid number" },
  int: { type: "int_type", msg: "Input should be a valid integer" },
  boolean: { type: "bool_type", msg: "Input should be a valid boolean" },
  array: { type: "list_type", msg: "Input should be a valid list" },
  object: MAPPING,
  record: MAPPING,
};

const FRACTION: Text = {
  type: "int_from_float",
  msg: "Input should be a valid integer, got a number with a fractional part",
};

const counted = (n: number | bigint, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;

const lengthOf = (input: unknown): number =>
  typeof input === "string" || Array.isArray(input) ? input.length : 0;

interface Bound {
  origin: string;
  bound: number | bigint;
  /** The words of a value that is too large, or too small. */
  words: { number: string; than: string; length: "long" | "short"; least: string };
}

const TOO_BIG = { number: "less_than_equal", than: "less", length: "long", least: "most" } as const;
const TOO_SMALL = { number: "greater_than_equal", than: "greater", length: "short", least: "least" } as const;

const ofBound = ({ origin, bound, words }: Bound, input: unknown): Text => {
  if (origin === "array")
    return {
      type: `too_${words.length}`,
      msg: `List should have at ${words.least} ${counted(bound, "item")} after validation, not ${lengthOf(input)}`,
    };
  if (origin === "string")
    return {
      type: `string_too_${words.length}`,
      msg: `String should have at ${words.least} ${counted(bound, "character")}`,
    };
  return { type: words.number, msg: `Input should be ${words.than} than or equal to ${bound}` };
};

/** `'a', 'b' or 'c'` */
const listed = (values: readonly unknown[]): string => {
  const quoted = values.map((value) => (typeof value === "string" ? `'${value}'` : String(value)));
  const last = quoted.at(-1) ?? "";
  return quoted.length < 2 ? last : `${quoted.slice(0, -1).join(", ")} or ${last}`;
};

const ANY_UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const ofFormat = (issue: z.core.$ZodIssueInvalidStringFormat, input: unknown): Text | undefined => {
  switch (issue.format) {
    case "uuid":
      return typeof input === "string" && ANY_UUID.test(input)
        ? { type: "uuid_version", msg: "UUID version 4 expected" }
        : { type: "uuid_parsing", msg: "Input should be a valid UUID" };
    case "datetime":
      return { type: "datetime_from_date_parsing", msg: "Input should be a valid datetime or date" };
    case "regex": {
      const pattern = issue.pattern?.replace(/^\/(.*)\/\w*$/s, "$1") ?? "";
      return { type: "string_pattern_mismatch", msg: `String should match pattern '${pattern}'` };
    }
    default:
      return undefined;
  }
};

/** Undefined: it has no words for that. */
export const referenceText = (issue: z.core.$ZodIssue, input: unknown): Text | undefined => {
  switch (issue.code) {
    case "invalid_type":
      if (issue.expected === "int" && typeof input === "number") return FRACTION;
      return BY_TYPE[issue.expected];
    case "too_big":
      return ofBound({ origin: issue.origin, bound: issue.maximum, words: TOO_BIG }, input);
    case "too_small":
      return ofBound({ origin: issue.origin, bound: issue.minimum, words: TOO_SMALL }, input);
    case "invalid_value":
      return {
        type: issue.values.length === 1 ? "literal_error" : "enum",
        msg: `Input should be ${listed(issue.values)}`,
      };
    case "invalid_format":
      return ofFormat(issue, input);
    default:
      return undefined;
  }
};

const TAGS: ReadonlyMap<unknown, string> = new Map([
  ["task", "type"],
  ["service", "type"],
  ["dev-environment", "type"],
  ["volume", "backend"],
]);

const propertyOf = (value: unknown, key: string | number): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;

/** The place as the reference has it: behind a configuration stands which of several forms it has. */
export const referencePlace = (path: readonly (string | number)[], body: unknown): (string | number)[] => {
  let value = body;
  return path.flatMap((key, at) => {
    value = propertyOf(value, key);
    if (key !== "configuration" || at === path.length - 1) return [key];
    const tag = propertyOf(value, TAGS.get(propertyOf(value, "type")) ?? "");
    return typeof tag === "string" ? [key, tag] : [key];
  });
};
