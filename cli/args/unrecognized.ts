/** Wrong usage in the sense of docs/spec/cli.md §1 (b): on stdout, exit code 1. */
export class Unrecognized extends Error {
  override readonly name = "Unrecognized";

  constructor(words: readonly string[]) {
    super(`Unrecognized arguments: ${words.map(shellQuote).join(" ")}`);
  }
}

/** A word as it would have to be typed. */
const shellQuote = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
