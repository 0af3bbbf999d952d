import { type Command, type Group, isGroup } from "./command.ts";
import type { Option, Positional } from "./option.ts";

const HELP_ROW = ["-h, --help", "Show this help and exit"] as const;

const optionUsage = (option: Option<unknown>): string => {
  const name = option.short ?? option.long;
  const shown = option.metavar === undefined ? name : `${name} ${option.metavar}`;
  return option.required ? shown : `[${shown}]`;
};

const positionalUsage = (positional: Positional<unknown>): string => {
  if (positional.arity === "one") return positional.metavar;
  return positional.arity === "optional" ? `[${positional.metavar}]` : `[${positional.metavar} ...]`;
};

/** "usage: dstack stop [-h] [-y] RUN", broken at 100 columns. */
export const usageOf = (program: string, command: Pick<Command, "options" | "args">): string =>
  usageLine(program, [
    "[-h]",
    ...Object.values(command.options).map(optionUsage),
    ...Object.values(command.args).map(positionalUsage),
  ]);

export const groupUsageOf = (program: string, group: Group): string =>
  usageLine(program, [
    "[-h]",
    ...(program === "dstack" ? ["[-v]"] : []),
    group.bare ? "[COMMAND]" : "COMMAND",
    "...",
  ]);

const usageLine = (program: string, parts: readonly string[]): string => {
  const head = `usage: ${program}`;
  const lines = [head];
  for (const part of parts) {
    const line = lines.at(-1) ?? "";
    if (line.length + part.length + 1 > 100) lines.push(`${" ".repeat(head.length)} ${part}`);
    else lines[lines.length - 1] = `${line} ${part}`;
  }
  return lines.join("\n");
};

/** With a topic, the options that it has beside the common ones are told, too. */
export const helpOf = (program: string, command: Command, topic?: string): string => {
  const shown = partOf(command, topic);
  const args = Object.values(shown.args).map((each) => [each.metavar, each.help] as const);
  const options = Object.values(shown.options).map((each) => [optionName(each), optionHelp(each)] as const);
  const topics = Object.keys(command.topics);
  const hint =
    topics.length > 0 && topic === undefined
      ? ["", `Run "${program} -h TYPE" for the options of a type: ${topics.join(", ")}.`]
      : [];
  return [
    usageOf(program, shown),
    "",
    command.description,
    ...section("Arguments:", args),
    ...section("Options:", [HELP_ROW, ...options]),
    ...hint,
    "",
  ].join("\n");
};

/** A command without what belongs to other topics. */
const partOf = ({ options, args, topics }: Command, topic: string | undefined) => {
  const hidden = new Set(Object.values(topics).flat());
  const own = new Set(topic === undefined ? [] : topics[topic]);
  const kept = <T>(all: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(Object.entries(all).filter(([key]) => !hidden.has(key) || own.has(key)));
  return { options: kept(options), args: kept(args) };
};

export const groupHelpOf = (program: string, group: Group): string => {
  const commands = Object.entries(group.subcommands).map(([name, each]) => [name, each.summary] as const);
  const bareEntry = group.bare === undefined ? undefined : group.subcommands[group.bare];
  const closing =
    bareEntry && !isGroup(bareEntry)
      ? `Without a command: the same as "${program} ${group.bare}".`
      : `Run "${program} COMMAND --help" for the options of a command.`;
  const options =
    program === "dstack" ? [HELP_ROW, ["-v, --version", "Show the version and exit"] as const] : [HELP_ROW];
  return [
    groupUsageOf(program, group),
    "",
    group.summary,
    ...section("Commands:", commands),
    ...section("Options:", options),
    "",
    closing,
    "",
  ].join("\n");
};

export const optionName = (option: Option<unknown>): string => {
  const names = option.short ? `${option.short}, ${option.long}` : `    ${option.long}`;
  return option.metavar === undefined ? names : `${names} ${option.metavar}`;
};

const optionHelp = (option: Option<unknown>): string => {
  const notes = [option.required ? "required" : "", option.repeats ? "may be repeated" : ""].filter(Boolean);
  return notes.length > 0 ? `${option.help} (${notes.join(", ")})` : option.help;
};

/** Two columns; a name too long for the first gets a line of its own. */
const section = (title: string, rows: readonly (readonly [string, string])[]): string[] => {
  if (rows.length === 0) return [];
  const width = Math.min(28, Math.max(...rows.map(([name]) => name.length)));
  const lines = rows.flatMap(([name, help]) =>
    name.length > width
      ? [`  ${name}`, `  ${" ".repeat(width)}  ${help}`]
      : [`  ${name.padEnd(width)}  ${help}`],
  );
  return ["", title, ...lines];
};
