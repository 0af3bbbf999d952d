import { AppError } from "../errors.ts";

const UNQUOTED_SAFE = /^[\w@%+=:,./-]+$/;

/** One argument as a shell reads it back. */
export const quoteWord = (word: string): string =>
  UNQUOTED_SAFE.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;

/** Words as a POSIX shell splits them; nothing is expanded. */
export const splitWords = (text: string): string[] => {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (let i = 0; i < text.length; i += 1) {
    const char = text.charAt(i);
    const next = text.charAt(i + 1);
    if (quote) {
      if (char === quote) quote = undefined;
      else if (char === "\\" && quote === '"' && (next === '"' || next === "\\")) {
        word = (word ?? "") + next;
        i += 1;
      } else word = (word ?? "") + char;
    } else if (char === "'" || char === '"') {
      quote = char;
      word ??= "";
    } else if (char === "\\") {
      if (next === "")
        throw new AppError("invalid", `Cannot split ${JSON.stringify(text)}: it ends with a backslash`);
      word = (word ?? "") + next;
      i += 1;
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + char;
  }
  if (quote)
    throw new AppError("invalid", `Cannot split ${JSON.stringify(text)}: a quote (${quote}) is not closed`);
  return word === undefined ? words : [...words, word];
};
