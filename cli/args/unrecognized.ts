import { suggest } from "../../shared/schema/suggest.ts";
import type { Options } from "./command.ts";

/** Wrong usage in the sense of docs/spec/cli.md §1 (b): on stdout, exit code 1. */
export class Unrecognized extends Error {
  override readonly name = "Unrecognized";

  constructor(words: readonly string[], options: Options) {
    super(
      [`Unrecognized arguments: ${words.map(shellQuote).join(" ")}`, ...hints(words, options)].join("\n"),
    );
  }
}

/** For each option that was misspelt, which one it may have been. */
const hints = (words: readonly string[], options: Options): string[] => {
  const longs = Object.values(options).map((option) => option.long);
  return words.flatMap((word) => {
    const [name = ""] = word.split("=");
    const meant = name.startsWith("--") ? suggest(name, longs) : undefined;
    return meant === undefined ? [] : [`Did you mean ${meant}?`];
  });
};

/** A word as it would have to be typed. */
const shellQuote = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
