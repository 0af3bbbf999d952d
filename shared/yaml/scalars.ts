import { IntegralFloat } from "../schema/scalar.ts";

// Plain scalars of YAML 1.1 as the reference's reader takes them (docs/spec/configuration.md §0): the types of
// yaml.org/type, where floats need a point and their exponents a sign.

export type Scalar = string | number | bigint | boolean | null | Date | IntegralFloat;

const TRUE = /^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/;
const FALSE = /^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/;
const NULL = /^(?:~|null|Null|NULL|)$/;
const INTEGER = /^[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*|[1-9][0-9_]*(?::[0-5]?[0-9])+)$/;
const FLOAT =
  /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*)$/;
const INFINITE = /^[-+]?\.(?:inf|Inf|INF)$/;
const NOT_A_NUMBER = /^\.(?:nan|NaN|NAN)$/;
const DATE =
  /^\d{4}-\d\d?-\d\d?(?:(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?)?$/;

/** A number of any size: a plain one while that is exact. */
const fitting = (value: bigint): number | bigint =>
  value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;

const splitSign = (text: string): [sign: bigint, digits: string] => {
  const digits = text.replaceAll("_", "");
  return digits.startsWith("-") ? [-1n, digits.slice(1)] : [1n, digits.replace(/^\+/, "")];
};

export const integerOf = (text: string): number | bigint | undefined => {
  if (!INTEGER.test(text)) return undefined;
  const [sign, digits] = splitSign(text);
  if (/^0[bx]$/.test(digits)) return undefined;
  const octal = /^0\d/.test(digits);
  const parts = digits.split(":").map((part) => BigInt(octal ? `0o${part}` : part));
  return fitting(sign * parts.reduce((sum, part) => sum * 60n + part, 0n));
};

export const floatOf = (text: string): number | IntegralFloat | undefined => {
  if (INFINITE.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  if (NOT_A_NUMBER.test(text)) return Number.NaN;
  if (!FLOAT.test(text)) return undefined;
  const [sign, digits] = splitSign(text);
  const value = Number(sign) * digits.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  return Number.isInteger(value) ? new IntegralFloat(value) : value;
};

export const booleanOf = (text: string): boolean | undefined =>
  TRUE.test(text) ? true : FALSE.test(text) ? false : undefined;

export const isNull = (text: string): boolean => NULL.test(text);

/** Undefined for text that looks like a date but is none. */
const dateOf = (text: string): Date | undefined => {
  const [year = 0, month = 0, day = 0] = text.split(/[-Tt \t]/, 3).map(Number);
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date : undefined;
};

/** Longer ones are no numbers anybody means, and take long to compute. */
const MAX_DIGITS = 1000;

/** Undefined: the text has no meaning as a plain scalar (`=`, the 31st of February). */
export const plainScalar = (text: string): Scalar | undefined => {
  if (isNull(text)) return null;
  if (text === "=" || text === "<<") return undefined;
  if (text.length > MAX_DIGITS) return text;
  if (DATE.test(text)) return dateOf(text);
  return booleanOf(text) ?? integerOf(text) ?? floatOf(text) ?? text;
};
