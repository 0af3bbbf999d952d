import { accepts } from "../schema/form.ts";
import { refuse } from "../schema/refusal.ts";
import { numberOf, parseNumber, quote } from "../schema/scalar.ts";
import { rangeOf } from "./range.ts";

const GB_PER_UNIT: Record<string, number> = { mb: 1 / 1024, gb: 1, tb: 1024 };

const MEMORY = {
  title: "size",
  type: ["number", "string", "boolean"],
  pattern: "^ *[+-]?[\\d._ ]+([eE][+-]?[\\d ]+)? *([mMgGtT] *[bB])? *$",
  examples: ["16GB", "512MB", "1.5TB"],
};

/** A size in GB (of 1024 MB), from `16`, `512MB`, `16 GB`, `1.5TB` (docs/spec/configuration.md §1.2). */
export const parseMemory = accepts(MEMORY, (input: unknown): number => {
  const gigabytes = typeof input === "string" ? memoryOfText(input) : parseNumber(input);
  if (!Number.isFinite(gigabytes)) {
    // JSON has no such number: it would be lost between client and server.
    return refuse("invalid_value", `Expected a finite size, got ${quote(input)}`);
  }
  return gigabytes;
});

const memoryOfText = (text: string): number => {
  const compact = text.replaceAll(" ", "").toLowerCase();
  const unit = GB_PER_UNIT[compact.slice(-2)];
  const value = numberOf(unit === undefined ? compact : compact.slice(0, -2));
  if (value === undefined) {
    return refuse(
      "invalid_value",
      `Cannot read ${quote(text)} as a size: expected a number with MB, GB or TB`,
    );
  }
  return value * (unit ?? 1);
};

export const parseMemoryRange = rangeOf(parseMemory);

/** The shortest text that parses to this size. */
export const printMemory = (gigabytes: number): string => {
  if (gigabytes >= 1024 && Number.isInteger(gigabytes / 1024)) return `${gigabytes / 1024}TB`;
  if (gigabytes !== 0 && Math.abs(gigabytes) < 1 && Number.isInteger(gigabytes * 1024))
    return `${gigabytes * 1024}MB`;
  return `${gigabytes}GB`;
};
