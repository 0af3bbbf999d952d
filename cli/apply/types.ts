import type { Option } from "../args/option.ts";
import { tokens } from "../args/parse.ts";
import { Unrecognized } from "../args/unrecognized.ts";
import { runOptions } from "../runOptions/run.ts";

const PORTS = ["ports", "host"];
const RUN_ARGS = "runArgs";
const RUN = [
  ...Object.keys(runOptions).filter((key) => !PORTS.includes(key)),
  ...["sshIdentity", "reverse", "maxOffers", "fullOffers", "unallocated"],
  ...["repo", "repoBranch", "repoHash", "noRepo", "token", "gitIdentity"],
];

/** What a command line may say beside the common options, by the type of the configuration (docs/spec/cli.md §3.5). */
export const KEYS_BY_TYPE: Readonly<Record<string, readonly string[]>> = {
  "dev-environment": [...RUN, ...PORTS],
  task: [...RUN, ...PORTS, RUN_ARGS],
  service: [...RUN, RUN_ARGS],
  fleet: ["name", "env", "askSudoPassword", "keepSshKeys"],
  gateway: ["name"],
  volume: ["name"],
  preset: ["name"],
};

const OF_SOME_TYPE = new Set<string>(Object.values(KEYS_BY_TYPE).flat());

/** Throws `Unrecognized` for what only configurations of another type take. */
export const refuseOthers = (
  type: string,
  argv: readonly string[],
  options: Readonly<Record<string, Option<unknown>>>,
): void => {
  const own = new Set<string>(KEYS_BY_TYPE[type]);
  const words: string[] = [];
  for (const token of tokens(argv, options)) {
    if (token.kind === "word" && !own.has(RUN_ARGS)) words.push(token.text);
    if (token.kind !== "option" || own.has(token.key) || !OF_SOME_TYPE.has(token.key)) continue;
    words.push(token.option.long, ...(token.option.metavar === undefined ? [] : [token.text]));
  }
  if (words.length > 0) throw new Unrecognized(words, {});
};
