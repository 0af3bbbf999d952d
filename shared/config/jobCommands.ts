import { quoteWord, splitWords } from "./shellWords.ts";

const SHELLS: Record<string, string> = { sh: "/bin/sh", bash: "/bin/bash" };

const shellPath = (shell: string): string => SHELLS[shell] ?? shell;

/** One in the background would end the `&&` chain: it gets braces of its own. */
const wrapBackground = (command: string): string => (command.endsWith("&") ? `{ ${command} }` : command);

/** Commands as one text: each runs only if the one before it succeeded. */
const joinCommands = (commands: readonly string[]): string =>
  commands.map((command) => wrapBackground(command.trim())).join(" && ");

export const shellArgv = (shell: string, commands: readonly string[]): string[] => [
  shellPath(shell),
  "-i",
  "-c",
  joinCommands(commands),
];

/** With an entrypoint the commands are its plain arguments. */
export const entrypointArgv = (entrypoint: string, commands: readonly string[]): string[] => [
  ...splitWords(entrypoint),
  ...commands,
];

/** Trailing arguments of `apply` as `${{ run.args }}` gives them to a shell. */
export const joinArgs = (args: readonly string[]): string => args.map(quoteWord).join(" ");
