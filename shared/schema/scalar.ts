import { accepts, anyCase, either, type JsonSchema, TEXT } from "./form.ts";
import { refuse } from "./refusal.ts";

/**
 * A YAML number that was written with a point but has an integral value (`3.0`). JavaScript cannot tell it from an
 * integer, the configuration language can: as text it stays "3.0", and ports and CPU counts refuse it.
 */
export class IntegralFloat {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

export const isMapping = (input: unknown): input is Record<string, unknown> => {
  if (typeof input !== "object" || input === null) return false;
  const prototype: unknown = Object.getPrototypeOf(input);
  return prototype === Object.prototype || prototype === null;
};

/** For what JSON does not know. */
const plainer = (_key: string, value: unknown): unknown => {
  if (typeof value === "bigint") return String(value);
  return value instanceof IntegralFloat ? value.value : value;
};

/** A value as messages quote it: short, and recognisable as what stands in the file. */
export const quote = (input: unknown): string => {
  const plain = input instanceof IntegralFloat ? input.value.toFixed(1) : input;
  if (typeof plain === "bigint") return String(plain);
  if (plain instanceof Date) return plain.toISOString().slice(0, 10);
  const text = typeof plain === "number" ? String(plain) : (JSON.stringify(plain, plainer) ?? "nothing");
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
};

/** What kind of YAML value this is, in words. */
export const nounOf = (input: unknown): string => {
  if (input === null || input === undefined) return "nothing";
  if (Array.isArray(input)) return "a list";
  if (typeof input === "boolean") return input ? "true" : "false";
  if (typeof input === "string") return `the text ${quote(input)}`;
  if (input instanceof Date) return `the date ${quote(input)}`;
  if (isMapping(input)) return "a mapping";
  return `the number ${quote(input)}`;
};

const wrongType = (expected: string, input: unknown): never =>
  refuse("wrong_type", `Expected ${expected}, got ${nounOf(input)}`);

/** Python's notation of a float: exponents from 1e16 and below 1e-4, always with a point or an exponent. */
const floatText = (value: number): string => {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const exponent = Number(value.toExponential().split("e")[1]);
  if (exponent >= -4 && exponent < 16) {
    const digits = value.toString();
    if (!digits.includes("e")) return digits.includes(".") ? digits : `${digits}.0`;
    return value.toFixed(20).replace(/0+$/, "");
  }
  const [mantissa, power = ""] = value.toExponential().split("e");
  return `${mantissa}e${power.replace(/^([+-])(\d)$/, "$10$2")}`;
};

/** Text, also from numbers (which keep Python's notation); never from booleans, dates, null or collections. */
export const parseText = accepts(TEXT, (input: unknown): string => {
  if (typeof input === "string") return input;
  if (typeof input === "bigint") return String(input);
  if (input instanceof IntegralFloat) return floatText(input.value);
  if (typeof input === "number") {
    return Number.isInteger(input) && !Object.is(input, -0) ? BigInt(input).toString() : floatText(input);
  }
  return wrongType("text", input);
});

/** Any decimal digit of Unicode counts, as in the reference. */
const asciiDigits = (text: string): string =>
  text.replace(/[^\x00-\x7f]/gu, (char) => (/\p{Nd}/u.test(char) ? String(digitValue(char)) : char));

/** Decimal digits come in runs of ten, zero first. */
const digitValue = (digit: string): number => {
  const codePoint = digit.codePointAt(0) ?? 0;
  let start = codePoint;
  while (start > 0x30 && /\p{Nd}/u.test(String.fromCodePoint(start - 1))) start -= 1;
  return (codePoint - start) % 10;
};

/** As many digits as Python reads. */
const MAX_NUMBER = 4300;

/** An integer as text: optional sign, digits, single `_` between them, spaces around. */
export const integerOf = (text: string): number | undefined => {
  if (text.length > MAX_NUMBER) return undefined;
  const ascii = asciiDigits(text).trim();
  return /^[+-]?\d+(_\d+)*$/.test(ascii) ? Number(ascii.replaceAll("_", "")) : undefined;
};

/** A number as text: also fractions, exponents, `inf` and `nan`. */
export const numberOf = (text: string): number | undefined => {
  if (text.length > MAX_NUMBER) return undefined;
  const ascii = asciiDigits(text).trim().toLowerCase();
  const named = /^([+-]?)(inf|infinity|nan)$/.exec(ascii);
  if (named) return named[2] === "nan" ? Number.NaN : named[1] === "-" ? -Infinity : Infinity;
  if (!/^[+-]?(\d+(_\d+)*(\.(\d+(_\d+)*)?)?|\.\d+(_\d+)*)(e[+-]?\d+(_\d+)*)?$/.test(ascii)) return undefined;
  return Number(ascii.replaceAll("_", ""));
};

/** Digits of other scripts count in the mini-languages, but not in plain numbers. */
const asciiOnly = (text: string): string => (/^[\x00-\x7f]*$/.test(text) ? text : "");

const INTEGER: JsonSchema = {
  title: "integer",
  type: ["integer", "string", "boolean"],
  pattern: "^\\s*[+-]?\\d[\\d_]*(\\.0*)?\\s*$",
};

/** An integer, also from an integral float, from text like "2" or "2.0", and from a boolean (1 or 0). */
export const parseInteger = accepts(INTEGER, (input: unknown): number => {
  if (typeof input === "boolean") return input ? 1 : 0;
  if (typeof input === "bigint") return Number(input);
  if (input instanceof IntegralFloat) return input.value;
  const value =
    typeof input === "string"
      ? (integerOf(asciiOnly(input)) ?? numberOf(/^\s*[+-]?\d+\.0+\s*$/.test(input) ? input : ""))
      : input;
  if (typeof value === "number" && Number.isInteger(value)) return value + 0;
  return wrongType("an integer", input);
});

export const NUMBER: JsonSchema = {
  title: "number",
  type: ["number", "string", "boolean"],
  pattern: "^\\s*[+-]?([\\d._]+([eE][+-]?[\\d_]+)?|[a-zA-Z]+)\\s*$",
};

/** A number, also from text and from a boolean. */
export const parseNumber = accepts(NUMBER, (input: unknown): number => {
  if (typeof input === "boolean") return input ? 1 : 0;
  if (typeof input === "bigint") return Number(input);
  if (input instanceof IntegralFloat) return input.value;
  const value = typeof input === "string" ? numberOf(asciiOnly(input)) : input;
  return typeof value === "number" ? value : wrongType("a number", input);
});

const TRUE = new Set(["true", "yes", "on", "y", "t", "1"]);
const FALSE = new Set(["false", "no", "off", "n", "f", "0"]);

export const BOOLEAN = either(
  "true or false",
  { type: "boolean" },
  { enum: [0, 1] },
  { type: "string", pattern: anyCase([...TRUE, ...FALSE]) },
);

/** A boolean, or undefined if the value does not stand for one. */
export const booleanOf = (input: unknown): boolean | undefined => {
  if (typeof input === "boolean") return input;
  const value = input instanceof IntegralFloat ? input.value : input;
  if (value === 1) return true;
  if (value === 0) return false;
  if (typeof value !== "string") return undefined;
  const word = value.toLowerCase();
  return TRUE.has(word) ? true : FALSE.has(word) ? false : undefined;
};

export const parseBoolean = accepts(
  BOOLEAN,
  (input: unknown): boolean => booleanOf(input) ?? wrongType("true or false", input),
);

/** An integer within limits. */
export const integerBetween = (min: number, max = Number.MAX_SAFE_INTEGER) => {
  const isOpen = max === Number.MAX_SAFE_INTEGER;
  const range = isOpen ? `at least ${min}` : `from ${min} to ${max}`;
  const limits = isOpen ? { minimum: min } : { minimum: min, maximum: max };
  return accepts({ ...INTEGER, ...limits, title: `integer ${range}` }, (input: unknown): number => {
    const value = parseInteger(input);
    if (value >= min && value <= max) return value;
    return refuse("out_of_range", `Expected an integer ${range}, got ${value}`);
  });
};
