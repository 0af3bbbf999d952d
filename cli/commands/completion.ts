import { defineCommand, type Group } from "../args/command.ts";
import { oneOf, type Positional, rest } from "../args/option.ts";
import { FILES, SHELLS, scriptFor } from "../completion/scripts.ts";
import type { Context } from "../context.ts";

const QUERY = "query";

const shell: Positional<(typeof SHELLS)[number] | typeof QUERY> = {
  metavar: "SHELL",
  help: `${SHELLS.join(", ")}`,
  arity: "one",
  choices: SHELLS,
  take: ([first = ""]) => (first === QUERY ? QUERY : oneOf(SHELLS)(first)),
};

export const command = defineCommand({
  description: `Print a completion script, for the start-up file of a shell:

  bash  source <(dstack completion bash)
  zsh   source <(dstack completion zsh)
  fish  dstack completion fish | source`,
  isQuiet: true,
  args: { shell, words: rest("WORD", "With `query`, which the scripts ask: the words so far") },
  run: async (ctx, { shell: wanted, words }, { root }) => {
    if (wanted !== QUERY) ctx.out.write(scriptFor(wanted));
    else ctx.out.write(await answer(ctx, root, words));
  },
});

const answer = async (ctx: Context, root: Group, words: readonly string[]): Promise<string> => {
  const { findCandidates } = await import("../completion/candidates.ts");
  const candidates = await findCandidates(root, words);
  if (candidates.kind === "words") return lines(candidates.words);
  if (candidates.of === "file") return lines([FILES]);
  const { listNames } = await import("../completion/names.ts");
  return lines(await listNames(ctx, candidates.of, candidates.project));
};

const lines = (words: readonly string[]): string => words.map((word) => `${word}\n`).join("");
