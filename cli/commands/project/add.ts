import { createApi } from "../../api/client.ts";
import { getProject } from "../../api/projects.ts";
import { defineCommand } from "../../args/command.ts";
import { flag, requiredValue, text } from "../../args/option.ts";
import type { Context } from "../../context.ts";
import { printInfo } from "../../output/message.ts";
import { confirm } from "../../output/prompt.ts";
import {
  configPath,
  type ProjectEntry,
  readProjects,
  saveProjects,
  withProject,
} from "../../settings/configFile.ts";
import { apiVersionOf, withoutSlash } from "../../settings/connection.ts";

export const command = defineCommand({
  description: "Add a project of a server to this client, or change its address and token.",
  options: {
    name: requiredValue("--name NAME", "The name of the project", text),
    url: requiredValue("--url URL", "The address of the server", text),
    token: requiredValue("--token TOKEN", "Your token", text),
    yes: flag("-y, --yes", "Make it the default without a question"),
    no: flag("-n, --no", "Do not make it the default"),
  },
  exclusive: [["yes", "no"]],
  run: async (ctx, { name, url, token, yes, no }) => {
    const entry = { name, url: withoutSlash(url), token };
    const projects = await readProjects(ctx.home);
    await getProject(createApi({ url: entry.url, token, project: name, apiVersion: apiVersionOf(ctx.env) }));
    const isDefault = await becomesDefault(ctx, { projects, entry, yes, no });
    saveProjects(ctx.home, withProject(projects, { ...entry, isDefault }));
    printInfo(ctx, `Configuration updated at ${configPath(ctx.home)}`);
  },
});

interface Wish {
  readonly projects: readonly ProjectEntry[];
  readonly entry: Omit<ProjectEntry, "isDefault">;
  readonly yes: boolean;
  readonly no: boolean;
}

const becomesDefault = async (ctx: Context, { projects, entry, yes, no }: Wish): Promise<boolean> => {
  if (no) return false;
  const current = projects.find((each) => each.isDefault);
  if (yes || !current) return true;
  const isSame = current.name === entry.name && current.url === entry.url && current.token === entry.token;
  return isSame || confirm(ctx, `Set '${entry.name}' as your default project?`);
};
