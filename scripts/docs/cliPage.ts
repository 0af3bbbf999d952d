import { type Command, type Entry, type Group, isGroup } from "../../cli/args/command.ts";
import { optionName, usageOf } from "../../cli/args/help.ts";
import { CLI_INTRO } from "./cliIntro.ts";

interface Named {
  /** "dstack fleet list" */
  readonly program: string;
  readonly command: Command;
}

/** The reference of the command line: every command of the table, with all that it may be told. */
export const renderCliPage = async (root: Group): Promise<string> => {
  const sections: string[] = [];
  const contents: string[] = [];
  for (const [name, entry] of Object.entries(root.subcommands)) {
    const commands = await commandsOf(`dstack ${name}`, entry);
    contents.push(`- [\`dstack ${name}\`](#dstack-${name}): ${lowerFirst(entry.summary)}`);
    const bare = isGroup(entry) && entry.bare !== undefined ? entry.bare : undefined;
    sections.push(
      `## \`dstack ${name}\``,
      ...(isGroup(entry) ? [`${entry.summary}.${bare ? ` Without a command: \`${bare}\`.` : ""}`] : []),
      ...(isOneCommand(commands)
        ? [
            `${commands.map(({ program }) => `\`${program}\``).join(", ")}: ${commands[0]?.command.description}`,
          ]
        : commands.flatMap((each) => sectionOf(each, isGroup(entry)))),
    );
  }
  return `${[CLI_INTRO, "## Commands", contents.join("\n"), ...sections].join("\n\n")}\n`;
};

const commandsOf = async (program: string, entry: Entry): Promise<Named[]> => {
  if (!isGroup(entry)) return [{ program, command: (await entry.load()).command }];
  const nested = Object.entries(entry.subcommands).map(([name, each]) =>
    commandsOf(`${program} ${name}`, each),
  );
  return (await Promise.all(nested)).flat();
};

/** Several names for the same, of which there is not much to say. */
const isOneCommand = (commands: readonly Named[]): boolean =>
  commands.length > 1 && commands.every(({ command }) => command === commands[0]?.command);

const sectionOf = ({ program, command }: Named, isNested: boolean): string[] => {
  const { options, args, topics } = command;
  const hidden = new Set(Object.values(topics).flat());
  const common = Object.fromEntries(Object.entries(options).filter(([key]) => !hidden.has(key)));
  const rowsOf = (keys: readonly string[]) => [
    ...keys.flatMap((key) => (args[key] ? [row(args[key].metavar, args[key].help)] : [])),
    ...keys.flatMap((key) => (options[key] ? [row(optionName(options[key]).trim(), options[key].help)] : [])),
  ];
  return [
    ...(isNested ? [`### \`${program}\``] : []),
    // Lines are joined as in any text; what is set in is code.
    command.description.replaceAll(/(?<!\n)\n(?![\n ])/g, " ").replaceAll(/^ {2}/gm, "    "),
    `\`\`\`text\n${usageOf(program, { options: common, args: topicless(args, hidden) })}\n\`\`\``,
    table(rowsOf([...Object.keys(topicless(args, hidden)), ...Object.keys(common)])),
    ...topicTables(topics).map(([types, keys]) => `Of ${types}:\n\n${table(rowsOf(keys))}`),
  ].filter((part) => part !== "");
};

const topicless = <T>(all: Readonly<Record<string, T>>, hidden: ReadonlySet<string>): Record<string, T> =>
  Object.fromEntries(Object.entries(all).filter(([key]) => !hidden.has(key)));

/** Each key once, under all the types that take it. */
const topicTables = (topics: Command["topics"]): [string, string[]][] => {
  const keys = [...new Set(Object.values(topics).flat())];
  const takers = (key: string) =>
    Object.keys(topics)
      .filter((topic) => topics[topic]?.includes(key))
      .map((topic) => `\`${topic}\``)
      .join(", ");
  return [...Map.groupBy(keys, takers)];
};

const table = (rows: readonly string[]): string =>
  rows.length === 0 ? "" : ["| | |", "| --- | --- |", ...rows].join("\n");

const row = (name: string, help: string): string => `| \`${cell(name)}\` | ${cell(help)} |`;

const cell = (text: string): string => text.replaceAll("|", "\\|");

const lowerFirst = (text: string): string => `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
