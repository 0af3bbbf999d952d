import { accepts, type JsonSchema } from "../schema/form.ts";
import { refuse } from "../schema/refusal.ts";
import { IntegralFloat, integerOf, nounOf, quote } from "../schema/scalar.ts";

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

const secondsOfText = (text: string): number => {
  const plain = integerOf(text);
  if (plain !== undefined) return plain;
  const [, digits = "", unit = ""] = /^(\p{Nd}+) *([smhdw])$/u.exec(text) ?? [];
  const amount = integerOf(digits);
  const factor = SECONDS[unit];
  if (amount !== undefined && factor !== undefined) return amount * factor;
  return refuse(
    "invalid_value",
    `Cannot read ${quote(text)} as a duration: expected a whole number and one of s, m, h, d, w, like 90s or 2h`,
  );
};

const SPELLED = "^\\s*[+-]?\\d[\\d_]*\\s*$|^\\d+ *[smhdw]$";

const DURATION: JsonSchema = {
  title: "duration",
  type: ["number", "string", "boolean"],
  pattern: SPELLED,
  examples: ["90s", "30m", "2h", "1d", "1w"],
};

const OFFABLE: JsonSchema = { ...DURATION, title: "duration or off", pattern: `${SPELLED}|^off$` };

/** Seconds, from `90`, `90s`, `30m`, `2 h`, `1d`, `1w` (docs/spec/configuration.md §1.4). */
export const parseDuration = accepts(DURATION, (input: unknown): number => {
  if (typeof input === "string") return secondsOfText(input);
  if (typeof input === "boolean") return input ? 1 : 0;
  const value =
    input instanceof IntegralFloat ? input.value : typeof input === "bigint" ? Number(input) : input;
  if (typeof value === "number" && Number.isFinite(value)) return Math.trunc(value) + 0;
  return refuse("invalid_value", `Expected a duration like 90s or 2h, got ${nounOf(input)}`);
});

const parsePositive = (input: unknown): number => {
  const seconds = parseDuration(input);
  return seconds >= 0 ? seconds : refuse("out_of_range", `The duration ${quote(input)} is negative`);
};

/** `max_duration`, `stop_duration`: "off", or null for unset. */
export const parseOffableDuration = accepts(OFFABLE, (input: unknown): number | "off" | null => {
  if (input === "off" || input === false) return "off";
  return input === true || input === null ? null : parsePositive(input);
});

/** `idle_duration`, `auto_cleanup_duration`: negative is off, null is unset. */
export const parseIdleDuration = accepts(OFFABLE, (input: unknown): number | null => {
  if (input === "off" || input === false) return -1;
  return input === true || input === null ? null : parseDuration(input);
});

/** `inactivity_duration`: null is off. */
export const parseInactivityDuration = accepts(OFFABLE, (input: unknown): number | null => {
  if (input === "off" || typeof input === "boolean" || input === null) return null;
  return parsePositive(input);
});

/** A duration of at least `min` seconds. */
export const durationFrom = (min: number) =>
  accepts({ ...DURATION, minimum: min }, (input: unknown): number => {
    const seconds = parseDuration(input);
    if (seconds >= min) return seconds;
    return refuse(
      "out_of_range",
      `Expected a duration of at least ${printDuration(min)}, got ${quote(input)}`,
    );
  });

/** The shortest text that parses to these seconds. */
export const printDuration = (seconds: number): string => {
  if (seconds <= 0) return `${seconds}`;
  for (const unit of ["w", "d", "h", "m"]) {
    const factor = SECONDS[unit] ?? 1;
    if (seconds % factor === 0) return `${seconds / factor}${unit}`;
  }
  return `${seconds}s`;
};
