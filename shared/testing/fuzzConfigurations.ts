import { loadConfiguration } from "../config/load.ts";
import { validate } from "../config/validate.ts";
import { AppError } from "../errors.ts";
import { configurationCases, goldenList } from "./golden.ts";

/** Reproducible: the same seed gives the same numbers (mulberry32). */
export const randomFrom = (seed: number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

/** Things that parsers stumble over. */
const SPICE = [
  "__proto__",
  "__proto__: {polluted: 1}",
  "constructor: {prototype: {polluted: 1}}",
  "toString",
  "<<: *a",
  "&a ",
  "*a",
  "- ",
  ": ",
  "\n",
  "\n  ",
  "\t",
  "{",
  "}",
  "[",
  "]",
  "'",
  '"',
  "|\n",
  ">-\n",
  "#",
  "? ",
  "!!str ",
  "!!binary ",
  "---\n",
  "...\n",
  "%YAML 1.2\n",
  "\u0000",
  "\ufeff",
  "\u2028",
  "٣",
  "𝒳",
  "..",
  "${{ ",
  " }}",
  "1e999",
  "-0",
  "0x",
  ".inf",
  "2026-02-30",
  "9".repeat(400),
];

interface Fuzzed {
  files: number;
  /** How many were still configurations. */
  valid: number;
  /** The most of a processor that one took, and not by the clock: others are busy, too. */
  slowestMs: number;
}

/**
 * Reads golden files with random changes, as a user's editor, a bad disk or somebody malicious would make them. Each
 * must be read or refused with an `AppError`: everything else is thrown, with the file.
 */
export const fuzzConfigurations = (count: number, seed: number): Fuzzed => {
  const random = randomFrom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const texts = configurationCases().map(({ text }) => text);
  const values = (goldenList("values.json") as { input: string }[]).map(({ input }) => input);
  const lines = texts.flatMap((text) => text.split("\n"));

  const mutate = (text: string): string => {
    const at = below(text.length + 1);
    const end = at + below(12);
    switch (below(7)) {
      case 0:
        return text.slice(0, at) + text.slice(end);
      case 1:
        return text.slice(0, at) + pick(SPICE) + text.slice(at);
      case 2:
        return text.slice(0, at) + String.fromCodePoint(below(0x250)) + text.slice(at + 1);
      case 3:
        return text.slice(0, at) + text.slice(at, end).repeat(1 + below(20)) + text.slice(end);
      case 4:
        return text.replace(/: .*/g, (rest) => (below(4) === 0 ? `: ${pick(values)}` : rest));
      case 5:
        return text.split("\n").toSpliced(below(8), below(2), pick(lines)).join("\n");
      default:
        return text.slice(0, at) + pick(texts).slice(below(200));
    }
  };

  const result: Fuzzed = { files: 0, valid: 0, slowestMs: 0 };
  for (; result.files < count; result.files += 1) {
    let text = pick(texts);
    for (let changes = 1 + below(3); changes > 0; changes -= 1) text = mutate(text);
    const start = process.cpuUsage();
    try {
      // The checks beyond the schema, and places and lines of what is refused.
      if (below(4) === 0) validate(text, { path: "fuzz.yml" });
      else loadConfiguration(text, { path: "fuzz.yml" });
      result.valid += 1;
    } catch (err) {
      if (!(err instanceof AppError)) throw new Error(`Crashed over ${JSON.stringify(text)}`, { cause: err });
    }
    result.slowestMs = Math.max(result.slowestMs, process.cpuUsage(start).user / 1_000);
    if ("polluted" in {} || "polluted" in Object) throw new Error(`Polluted by ${JSON.stringify(text)}`);
  }
  return result;
};
