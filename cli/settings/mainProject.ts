import type { Context } from "../context.ts";
import { printInfo } from "../output/message.ts";
import { confirm, NoAnswer } from "../output/prompt.ts";
import { configPath, readProjects, saveProjects, withProject } from "./configFile.ts";

const MAIN_PROJECT = "main";

interface Registration {
  readonly url: string;
  readonly token: string;
  readonly yes: boolean;
  readonly no: boolean;
}

/**
 * Makes the project `main` of a server that was started here the client's default: silently where there is no default
 * yet, else only with consent (docs/spec/cli.md §3.1).
 */
export const registerMainProject = async (
  ctx: Context,
  { url, token, yes, no }: Registration,
): Promise<void> => {
  const projects = await readProjects(ctx.home);
  const current = projects.find((each) => each.isDefault);
  const isSame = current?.name === MAIN_PROJECT && current.url === url && current.token === token;
  if (isSame) return;
  if (current && !yes && (no || !(await consents(ctx)))) return;
  saveProjects(ctx.home, withProject(projects, { name: MAIN_PROJECT, url, token, isDefault: true }));
  printInfo(ctx, `Configured the main project in ${configPath(ctx.home)}`);
};

const consents = async (ctx: Context): Promise<boolean> => {
  try {
    return await confirm(ctx, `Update the main project in ${configPath(ctx.home)}?`, { fallback: false });
  } catch (err) {
    // Nobody there, as under a service manager: the server is more important than the question.
    if (err instanceof NoAnswer) return false;
    throw err;
  }
};
