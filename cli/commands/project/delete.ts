import { defineCommand } from "../../args/command.ts";
import { flag, requiredValue, text } from "../../args/option.ts";
import { confirm } from "../../output/prompt.ts";
import { readProjects, saveProjects, withoutProject } from "../../settings/configFile.ts";

export const command = defineCommand({
  description: "Forget a project. Nothing changes on its server.",
  options: {
    name: requiredValue("--name NAME", "The name of the project", text),
    yes: flag("-y, --yes", "Do not ask"),
  },
  run: async (ctx, { name, yes }) => {
    const projects = await readProjects(ctx.home);
    if (!yes && !(await confirm(ctx, `Are you sure you want to delete project '${name}'?`))) return;
    saveProjects(ctx.home, withoutProject(projects, name));
    ctx.out.write("OK\n");
  },
});
