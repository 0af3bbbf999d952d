import type { Options, Positionals } from "./command.ts";
import { BadValue, type Option, oneOf } from "./option.ts";

/** Wrong usage in the sense of docs/spec/cli.md §1 (a): `usage: …` and one line on stderr, exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export interface Grammar {
  readonly options: Options;
  readonly args: Positionals;
  readonly exclusive: readonly (readonly string[])[];
  /** Words that may follow `--help`. */
  readonly topics?: Readonly<Record<string, unknown>>;
}

export type Parsed =
  | { readonly kind: "help"; readonly topic: string | undefined }
  | {
      readonly kind: "values";
      readonly values: Record<string, unknown>;
      readonly unrecognized: readonly string[];
    };

/** One step through argv: an option met (with its text, if it takes one), a plain word, or an unknown option. */
export type Token =
  | { readonly kind: "option"; readonly key: string; readonly option: Option<unknown>; readonly text: string }
  | { readonly kind: "help" }
  | { readonly kind: "word"; readonly text: string; readonly at: number }
  | { readonly kind: "unknown"; readonly text: string };

const HELP = ["-h", "--help"];

/** As people write numbers and sentences: "-1" and "- item" are values, not options. */
const looksLikeOption = (word: string): boolean =>
  word.startsWith("-") && word.length > 1 && !/^-\d*\.?\d+$/.test(word) && !word.includes(" ");

const nameOf = (option: Option<unknown>): string =>
  option.short ? `${option.short}/${option.long}` : option.long;

/** The option a long word stands for: itself, or the only one that begins with it. */
const findLong = (word: string, options: Options): [string, Option<unknown>] | "help" | undefined => {
  const exact = Object.entries(options).find(([, option]) => option.long === word);
  if (exact) return exact;
  if (word === "--help") return "help";
  const candidates = Object.entries(options).filter(([, option]) => option.long.startsWith(word));
  const isHelp = "--help".startsWith(word);
  if (candidates.length + Number(isHelp) > 1) {
    const names = [...(isHelp ? ["--help"] : []), ...candidates.map(([, option]) => option.long)];
    throw new UsageError(`ambiguous option: ${word} could match ${names.join(", ")}`);
  }
  return isHelp ? "help" : candidates[0];
};

const findShort = (letter: string, options: Options) =>
  Object.entries(options).find(([, option]) => option.short === `-${letter}`);

/**
 * Splits a command line by the grammar of docs/spec/cli.md §1: `--opt VALUE`, `--opt=VALUE`, `-oVALUE`, clustered
 * flags, any unambiguous beginning of a long option, `--` before words that begin with a dash.
 */
export function* tokens(argv: readonly string[], options: Options): Generator<Token> {
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? "";
    const textFor = (option: Option<unknown>, attached: string | undefined): string => {
      if (option.metavar === undefined) {
        if (attached === undefined) return "";
        throw new UsageError(`argument ${nameOf(option)}: ignored explicit argument '${attached}'`);
      }
      if (attached !== undefined) return attached;
      const next = argv[at + 1];
      if (next === undefined || looksLikeOption(next)) {
        throw new UsageError(`argument ${nameOf(option)}: expected one argument`);
      }
      at++;
      return next;
    };

    if (word === "--") {
      for (const [offset, text] of argv.slice(at + 1).entries())
        yield { kind: "word", text, at: at + 1 + offset };
      return;
    }
    if (word.startsWith("--")) {
      const equals = word.indexOf("=");
      const found = findLong(equals < 0 ? word : word.slice(0, equals), options);
      if (found === "help") yield { kind: "help" };
      else if (!found) yield { kind: "unknown", text: word };
      else {
        const [key, option] = found;
        yield {
          kind: "option",
          key,
          option,
          text: textFor(option, equals < 0 ? undefined : word.slice(equals + 1)),
        };
      }
    } else if (looksLikeOption(word)) yield* cluster(word, options, textFor);
    else yield { kind: "word", text: word, at };
  }
}

/** "-yd", "-nNAME", "-n=NAME", "-ydnNAME": flags up to the first letter that takes a value. */
function* cluster(
  word: string,
  options: Options,
  textFor: (option: Option<unknown>, attached: string | undefined) => string,
): Generator<Token> {
  if (HELP.includes(word)) return yield { kind: "help" };
  const first = findShort(word.charAt(1), options);
  if (!first && word.charAt(1) !== "h") return yield { kind: "unknown", text: word };
  for (let at = 1; at < word.length; at++) {
    const letter = word.charAt(at);
    if (letter === "h") return yield { kind: "help" };
    const found = findShort(letter, options);
    if (!found) return yield { kind: "unknown", text: `-${word.slice(at)}` };
    const [key, option] = found;
    const after = word.slice(at + 1);
    if (option.metavar !== undefined) {
      const attached = after === "" ? undefined : after.replace(/^=/, "");
      return yield { kind: "option", key, option, text: textFor(option, attached) };
    }
    yield { kind: "option", key, option, text: "" };
  }
}

/** Reads a command's own arguments. Throws UsageError; what nobody recognises comes back as it was written. */
export const parse = (argv: readonly string[], grammar: Grammar): Parsed => {
  const values: Record<string, unknown> = {};
  for (const [key, option] of Object.entries(grammar.options)) values[key] = option.absent;
  const given = new Set<string>();
  const words: string[] = [];
  const unrecognized: string[] = [];

  for (const token of tokens(argv, grammar.options)) {
    if (token.kind === "help") return { kind: "help", topic: topicOf(argv, grammar) };
    if (token.kind === "word") words.push(token.text);
    else if (token.kind === "unknown") unrecognized.push(token.text);
    else {
      given.add(token.key);
      refuseSecondOf(token.key, given, grammar);
      values[token.key] = reading(nameOf(token.option), () =>
        token.option.take(token.text, values[token.key]),
      );
    }
  }

  const missing = Object.entries(grammar.options)
    .filter(([key, option]) => option.required && !given.has(key))
    .map(([, option]) => nameOf(option));
  for (const [key, positional] of Object.entries(grammar.args)) {
    const texts = positional.arity === "rest" ? words.splice(0) : words.splice(0, 1);
    if (positional.arity === "one" && texts.length === 0) missing.push(positional.metavar);
    else values[key] = reading(positional.metavar, () => positional.take(texts));
  }
  if (missing.length > 0) throw new UsageError(`the following arguments are required: ${missing.join(", ")}`);
  return { kind: "values", values, unrecognized: [...unrecognized, ...words] };
};

/** The word behind `--help`, of commands that have more to say about some. */
const topicOf = (argv: readonly string[], { topics = {} }: Grammar): string | undefined => {
  const known = Object.keys(topics);
  const topic = argv[argv.findIndex((word) => HELP.includes(word)) + 1];
  if (known.length === 0 || topic === undefined || topic.startsWith("-")) return undefined;
  return reading("-h/--help", () => oneOf(known)(topic));
};

const refuseSecondOf = (key: string, given: ReadonlySet<string>, grammar: Grammar): void => {
  const nameOfKey = (each: string) => nameOf(grammar.options[each] as Option<unknown>);
  for (const set of grammar.exclusive) {
    if (!set.includes(key)) continue;
    const other = set.find((each) => each !== key && given.has(each));
    if (other)
      throw new UsageError(`argument ${nameOfKey(key)}: not allowed with argument ${nameOfKey(other)}`);
  }
};

const reading = <T>(name: string, read: () => T): T => {
  try {
    return read();
  } catch (err) {
    if (err instanceof BadValue) throw new UsageError(`argument ${name}: ${err.message}`);
    throw err;
  }
};
