import { AppError } from "../../../shared/errors.ts";
import { defineCommand } from "../../args/command.ts";
import { optional } from "../../args/option.ts";
import { UsageError } from "../../args/parse.ts";
import type { Context } from "../../context.ts";
import { ask } from "../../output/prompt.ts";
import { type ProjectEntry, readProjects, saveProjects } from "../../settings/configFile.ts";

export const command = defineCommand({
  description: "Choose the project that commands work in unless told otherwise.",
  args: { name: optional("NAME", "The name of the project; without it, there is a menu", "project") },
  run: async (ctx, { name }) => {
    const projects = await readProjects(ctx.home);
    const chosen = name ?? (await choose(ctx, projects));
    if (!projects.some((each) => each.name === chosen)) {
      throw new AppError("not_found", `Project '${chosen}' not found`);
    }
    saveProjects(
      ctx.home,
      projects.map((each) => ({ ...each, isDefault: each.name === chosen })),
    );
    ctx.out.write("OK\n");
  },
});

const choose = async (ctx: Context, projects: readonly ProjectEntry[]): Promise<string> => {
  if (!ctx.input.isTerminal) throw new UsageError("the following arguments are required: NAME");
  if (projects.length === 0) throw new AppError("not_found", "No projects configured");
  ctx.out.write("Select the default project:\n");
  for (const [at, { name, url, isDefault }] of projects.entries()) {
    ctx.out.write(`${isDefault ? "*" : " "} ${at + 1}  ${name} (${url})\n`);
  }
  for (;;) {
    const answer = (await ask(ctx, "Number or name: ")).trim();
    const chosen = projects[Number(answer) - 1] ?? projects.find((each) => each.name === answer);
    if (chosen) return chosen.name;
  }
};
