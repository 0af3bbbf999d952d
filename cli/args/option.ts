/** What an option or argument may be completed with (`dstack completion`). */
export type Completion =
  | "file"
  | "project"
  | "run"
  | "anyRun"
  | "fleet"
  | "instance"
  | "secret"
  | "volume"
  | "gateway"
  | "export"
  | "import";

/**
 * One option of a command. `take` folds an occurrence into the value so far, which makes flags, last-one-wins values
 * and repeated lists the same thing to the parser.
 */
export interface Option<T> {
  readonly long: string;
  readonly short: string | undefined;
  /** Name of the value in help; undefined for a flag. */
  readonly metavar: string | undefined;
  readonly help: string;
  readonly absent: T;
  // A method, so that an Option<boolean> is an Option<unknown>: the parser hands back only what `take` returned.
  take(text: string, before: T): T;
  readonly choices?: readonly string[];
  readonly required?: boolean;
  readonly repeats?: boolean;
  readonly complete?: Completion;
}

export interface Positional<T> {
  readonly metavar: string;
  readonly help: string;
  readonly arity: "one" | "optional" | "rest";
  take(texts: readonly string[]): T;
  readonly choices?: readonly string[];
  readonly complete?: Completion;
}

/** A value that cannot be read; the parser adds the name of the option and the usage line. */
export class BadValue extends Error {
  override readonly name = "BadValue";
}

interface Extras {
  required?: boolean;
  complete?: Completion;
  choices?: readonly string[];
}

/** "-n, --name NAME", as it stands in help. */
const spelling = /^(?:(-\w), )?(--[a-z][a-z-]*)(?: (.+))?$/;

const named = (spec: string) => {
  const match = spelling.exec(spec);
  if (!match?.[2]) throw new Error(`Cannot read the option "${spec}"`);
  return { short: match[1], long: match[2], metavar: match[3] };
};

export const flag = (spec: string, help: string): Option<boolean> => ({
  ...named(spec),
  help,
  absent: false,
  take: () => true,
});

/** An option with a value; given twice, the last one wins. */
export const value = <T = string>(
  spec: string,
  help: string,
  read: (text: string) => T,
  extras: Extras = {},
): Option<T | undefined> => ({
  ...named(spec),
  help,
  absent: undefined,
  take: (text) => read(text),
  ...extras,
});

/** An option that must be given. */
export const requiredValue = <T = string>(
  spec: string,
  help: string,
  read: (text: string) => T,
): Option<T> => {
  const option = value(spec, help, read, { required: true });
  // The parser refuses a command line without it, so `absent` is never handed out.
  return option as Option<T>;
};

/** An option that may be given several times. */
export const list = <T = string>(
  spec: string,
  help: string,
  read: (text: string) => T,
  extras: Extras = {},
): Option<readonly T[]> => ({
  ...named(spec),
  help,
  absent: [],
  take: (text, before) => [...before, read(text)],
  repeats: true,
  ...extras,
});

/** One of a few words. */
export const choice = <const W extends readonly string[]>(
  spec: string,
  help: string,
  words: W,
): Option<W[number] | undefined> => value<W[number]>(spec, help, oneOf(words), { choices: words });

export const oneOf =
  <const W extends readonly string[]>(words: W) =>
  (text: string): W[number] => {
    const word = words.find((candidate) => candidate === text);
    if (word !== undefined) return word;
    throw new BadValue(
      `invalid choice: '${text}' (choose from ${words.map((each) => `'${each}'`).join(", ")})`,
    );
  };

export const text = (given: string): string => given;

export const integer = (given: string): number => {
  if (!/^[+-]?\d+$/.test(given.trim())) throw new BadValue(`invalid int value: '${given}'`);
  return Number(given);
};

/** A whole number from 1 on. */
export const count = (given: string): number => {
  const number = integer(given);
  if (number < 1) throw new BadValue(`invalid value: '${given}' (must be at least 1)`);
  return number;
};

export const decimal = (given: string): number => {
  const number = Number(given);
  if (given.trim() === "" || !Number.isFinite(number)) throw new BadValue(`invalid float value: '${given}'`);
  return number;
};

export const one = (metavar: string, help: string, complete?: Completion): Positional<string> => ({
  metavar,
  help,
  arity: "one",
  // The parser refuses a command line without it.
  take: ([first]) => first ?? "",
  ...(complete && { complete }),
});

export const optional = (
  metavar: string,
  help: string,
  complete?: Completion,
): Positional<string | undefined> => ({
  metavar,
  help,
  arity: "optional",
  take: ([first]) => first,
  ...(complete && { complete }),
});

export const rest = (metavar: string, help: string): Positional<readonly string[]> => ({
  metavar,
  help,
  arity: "rest",
  take: (texts) => texts,
});
