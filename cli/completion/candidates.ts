import { type Command, type Group, isGroup } from "../args/command.ts";
import type { Completion, Option } from "../args/option.ts";
import { projectOption } from "../args/resolve.ts";

/** What could stand in the place of an unfinished word. */
export type Candidates =
  | { readonly kind: "words"; readonly words: readonly string[] }
  | { readonly kind: "names"; readonly of: Completion; readonly project: string | undefined };

const wordsOf = (words: readonly string[]): Candidates => ({ kind: "words", words });

/** Looks at the words of a command line after `dstack`, the last of which is not finished. */
export const findCandidates = async (root: Group, line: readonly string[]): Promise<Candidates> => {
  const before = line.slice(0, -1);
  const current = line.at(-1) ?? "";
  let group = root;
  let project: string | undefined;
  for (let at = 0; at < before.length; at++) {
    const word = before[at] ?? "";
    if (word === projectOption.long) project = before[++at];
    if (word.startsWith("-")) continue;
    const entry = group.subcommands[word];
    if (!entry) return wordsOf([]);
    if (!isGroup(entry)) {
      const { command } = await entry.load();
      return insideCommand(command, { words: before.slice(at + 1), current, project });
    }
    group = entry;
  }
  if (before.at(-1) === projectOption.long) return { kind: "names", of: "project", project };
  const options =
    group === root ? [projectOption.long, "--version", "--help"] : [projectOption.long, "--help"];
  return wordsOf(current.startsWith("-") ? options : Object.keys(group.subcommands));
};

interface Inside {
  readonly words: readonly string[];
  readonly current: string;
  readonly project: string | undefined;
}

const insideCommand = (command: Command, { words, current, ...outer }: Inside): Candidates => {
  const options = Object.values(command.options);
  const named = (word: string | undefined) =>
    options.find((option) => option.long === word || (option.short !== undefined && option.short === word));
  let project = outer.project;
  let positionals = 0;
  for (let at = 0; at < words.length; at++) {
    const option = named(words[at]);
    if (option?.metavar !== undefined) {
      if (at === words.length - 1) return valueCandidates(option, project);
      at++;
      if (option.long === projectOption.long) project = words[at];
    } else if (!words[at]?.startsWith("-")) positionals++;
  }
  if (current.startsWith("-")) return wordsOf([...options.map((option) => option.long), "--help"]);
  const args = Object.values(command.args);
  const next = args[positionals] ?? (args.at(-1)?.arity === "rest" ? args.at(-1) : undefined);
  return next?.complete === undefined
    ? wordsOf(next?.choices ?? [])
    : { kind: "names", of: next.complete, project };
};

const valueCandidates = (option: Option<unknown>, project: string | undefined): Candidates =>
  option.complete === undefined
    ? wordsOf(option.choices ?? [])
    : { kind: "names", of: option.complete, project };
