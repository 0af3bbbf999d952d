import { suggest } from "../../shared/schema/suggest.ts";
import { type Group, isGroup, type Leaf, type Options } from "./command.ts";
import { flag, text, value } from "./option.ts";
import { tokens, UsageError } from "./parse.ts";

/** Accepted before and after every command (docs/spec/cli.md §12.3). */
export const projectOption = value("--project NAME", "The project to work in", text, { complete: "project" });

const versionOption = flag("-v, --version", "Show the version and exit");

export type Resolved =
  | { readonly kind: "leaf"; readonly program: string; readonly leaf: Leaf; readonly argv: readonly string[] }
  | { readonly kind: "group"; readonly program: string; readonly group: Group }
  | { readonly kind: "version" };

/** What could have been meant by a word that stands for nothing, as one more line; empty if nothing comes near. */
const didYouMean = (word: string, known: readonly string[]): string => {
  const meant = suggest(word, known);
  return meant === undefined ? "" : `\nDid you mean '${meant}'?`;
};

/** A word that names no command; `program` is what its usage line begins with. */
export class UnknownCommand extends UsageError {
  readonly program: string;
  readonly group: Group;

  constructor(word: string, program: string, group: Group) {
    const known = Object.keys(group.subcommands);
    const choices = known.map((each) => `'${each}'`).join(", ");
    super(`argument COMMAND: invalid choice: '${word}' (choose from ${choices})${didYouMean(word, known)}`);
    this.program = program;
    this.group = group;
  }
}

/**
 * Finds the command that a command line names. Options written before a subcommand (`dstack fleet -v list`,
 * `dstack --project p ps`) are handed on to it.
 */
export const resolve = async (root: Group, argv: readonly string[]): Promise<Resolved> => {
  let group = root;
  let program = "dstack";
  let remaining = argv;
  for (;;) {
    const bare = group.bare === undefined ? undefined : group.subcommands[group.bare];
    const bareOptions = bare && !isGroup(bare) ? (await bare.load()).command.options : {};
    const top: Options = group === root ? { version: versionOption } : {};
    const found = findSubcommand(remaining, { project: projectOption, ...bareOptions, ...top });
    if (found.kind === "version") return { kind: "version" };
    if (found.kind === "help") return { kind: "group", program, group };
    if (found.kind === "nothing") {
      if (bare && !isGroup(bare)) return { kind: "leaf", program, leaf: bare, argv: remaining };
      return { kind: "group", program, group };
    }
    const entry = group.subcommands[found.name];
    if (!entry) throw new UnknownCommand(found.name, program, group);
    program = `${program} ${found.name}`;
    remaining = found.rest;
    if (!isGroup(entry)) return { kind: "leaf", program, leaf: entry, argv: remaining };
    group = entry;
  }
};

/** The first plain word, with the rest of the line as it was written; nothing behind it is judged by these options. */
const findSubcommand = (argv: readonly string[], options: Options): Found => {
  for (const token of tokens(argv, options)) {
    if (token.kind === "help") return { kind: "help" };
    if (token.kind === "option" && token.key === "version") return { kind: "version" };
    if (token.kind === "word") {
      return { kind: "name", name: token.text, rest: argv.toSpliced(token.at, 1) };
    }
  }
  return { kind: "nothing" };
};

type Found =
  | { readonly kind: "help" }
  | { readonly kind: "version" }
  | { readonly kind: "nothing" }
  | { readonly kind: "name"; readonly name: string; readonly rest: readonly string[] };
