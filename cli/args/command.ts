import type { Context } from "../context.ts";
import type { Option, Positional } from "./option.ts";

export type Options = Readonly<Record<string, Option<unknown>>>;
export type Positionals = Readonly<Record<string, Positional<unknown>>>;

type ValueOf<T> = T extends Option<infer V> | Positional<infer V> ? V : never;
type Flatten<T> = { [K in keyof T]: T[K] };

/** What `run` is handed: one typed value per option and argument. */
export type Values<O, A = object> = Flatten<
  { readonly [K in keyof O]: ValueOf<O[K]> } & { readonly [K in keyof A]: ValueOf<A[K]> }
>;

/** A command as the table keeps it, with the types of its values erased. */
export interface Command {
  readonly options: Options;
  readonly args: Positionals;
  /** Sets of option keys of which at most one may be given. */
  readonly exclusive: readonly (readonly string[])[];
  /** Shown under the usage line. */
  readonly description: string;
  /** Keys of options and arguments that are shown only when help is asked for under this word, like `-h task`. */
  readonly topics: Topics;
  /** Nothing of it is logged: shells ask it at every TAB. */
  readonly isQuiet: boolean;
  /** Exit code; nothing means 0. */
  readonly run: (
    ctx: Context,
    values: Record<string, unknown>,
    invocation: Invocation,
  ) => Promise<number | undefined>;
}

type Topics = Readonly<Record<string, readonly string[]>>;

/** What was typed, for the few commands that look beyond their own arguments. */
interface Invocation {
  /** "dstack fleet list" */
  readonly program: string;
  readonly argv: readonly string[];
  /** All commands there are. */
  readonly root: Group;
}

interface Definition<O, A> {
  readonly description: string;
  readonly options?: O;
  readonly args?: A;
  readonly exclusive?: readonly (readonly (keyof O & string)[])[];
  readonly topics?: Topics;
  readonly isQuiet?: boolean;
  readonly run: (
    ctx: Context,
    values: Values<O, A>,
    invocation: Invocation,
  ) => Promise<number | undefined> | Promise<void>;
}

type None = Record<never, never>;

/** Declares a command: everything that help, completion and the parser need stands in this one object. */
export const defineCommand = <O extends Options = None, A extends Positionals = None>(
  definition: Definition<O, A>,
): Command => ({
  options: definition.options ?? {},
  args: definition.args ?? {},
  exclusive: definition.exclusive ?? [],
  description: definition.description,
  topics: definition.topics ?? {},
  isQuiet: definition.isQuiet ?? false,
  run: async (ctx, values, invocation) =>
    (await definition.run(ctx, values as Values<O, A>, invocation)) ?? undefined,
});

/** A command whose module is loaded when it is named, or a word with commands under it. */
export type Entry = Leaf | Group;

export interface Leaf {
  readonly summary: string;
  readonly load: () => Promise<{ readonly command: Command }>;
}

export interface Group {
  readonly summary: string;
  readonly subcommands: Readonly<Record<string, Entry>>;
  /** The subcommand that runs when none is named; without it the group shows its help. */
  readonly bare?: string;
}

export const isGroup = (entry: Entry): entry is Group => "subcommands" in entry;
