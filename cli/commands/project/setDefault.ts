import { AppError } from "../../../shared/errors.ts";
import { defineCommand } from "../../args/command.ts";
import { optional } from "../../args/option.ts";
import { UsageError } from "../../args/parse.ts";
import { readProjects, saveProjects } from "../../settings/configFile.ts";
import { chooseDefault } from "./chooseDefault.ts";

export const command = defineCommand({
  description: "Choose the project that commands work in unless told otherwise.",
  args: { name: optional("NAME", "The name of the project; without it, there is a menu", "project") },
  run: async (ctx, { name }) => {
    const projects = await readProjects(ctx.home);
    if (name === undefined) {
      if (!ctx.input.isTerminal) throw new UsageError("the following arguments are required: NAME");
      return chooseDefault(ctx, projects);
    }
    if (!projects.some((each) => each.name === name))
      throw new AppError("not_found", `Project '${name}' not found`);
    saveProjects(
      ctx.home,
      projects.map((each) => ({ ...each, isDefault: each.name === name })),
    );
    ctx.out.write("OK\n");
  },
});
