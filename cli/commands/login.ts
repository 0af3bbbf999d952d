import { AppError } from "../../shared/errors.ts";
import { defineCommand } from "../args/command.ts";
import { flag, text, value } from "../args/option.ts";
import { UsageError } from "../args/parse.ts";
import type { Context } from "../context.ts";
import { listOwnProjects, listProviders, resolveServer } from "../login/server.ts";
import { signIn } from "../login/signIn.ts";
import { chooseOne } from "../output/menu.ts";
import { ask } from "../output/prompt.ts";
import { configPath, readProjects, saveProjects, withProject } from "../settings/configFile.ts";

const HOSTED = "https://sky.dstack.ai";

export const command = defineCommand({
  description:
    "Log in through the browser, where the server has single sign-on, and add all your projects to this client. Elsewhere: `dstack project add` with a token.",
  options: {
    url: value("--url URL", `The address of the server (asked for; ${HOSTED})`, text),
    provider: value("-p, --provider PROVIDER", "Who signs you on, if there are several", text),
    yes: flag("-y, --yes", "Make the first of the projects the default without a question"),
    no: flag("-n, --no", "Leave the default project as it is"),
  },
  exclusive: [["yes", "no"]],
  run: async (ctx, { url: given, provider: wanted, yes, no }) => {
    const url = await resolveServer(given ?? (await askUrl(ctx)));
    const provider = await chooseProvider(ctx, await listProviders(url), wanted);
    const { username, token } = await signIn(ctx, { url, provider });
    ctx.out.write(`Logged in as ${username}\n`);
    const names = await listOwnProjects(url, token);
    if (names.length === 0) {
      ctx.out.write("No projects yet: ask somebody to make you a member of theirs\n");
      return;
    }
    const path = configPath(ctx.home);
    let projects = await readProjects(ctx.home);
    for (const name of names) projects = withProject(projects, { name, url, token, isDefault: false });
    saveProjects(ctx.home, projects);
    ctx.out.write(`Added ${names.join(", ")} ${names.length === 1 ? "project" : "projects"} at ${path}\n`);
    const current = projects.find((each) => each.isDefault);
    const chosen = no ? undefined : await chooseDefault(ctx, { names, yes, current: current?.name });
    if (chosen === undefined) return;
    const entry = { name: chosen, url, token, isDefault: true };
    saveProjects(ctx.home, withProject(projects, entry));
    ctx.out.write(`Set ${chosen} project as default at ${path}\n`);
  },
});

const askUrl = async (ctx: Context): Promise<string> => {
  if (!ctx.input.isTerminal) throw new UsageError("the following arguments are required: --url");
  return (await ask(ctx, `Enter the server URL (${HOSTED}): `)).trim() || HOSTED;
};

const chooseProvider = async (
  ctx: Context,
  providers: readonly string[],
  wanted: string | undefined,
): Promise<string> => {
  const available = `Available providers: ${providers.join(", ")}`;
  const [first] = providers;
  if (first === undefined)
    throw new AppError("unsupported", "No SSO providers configured on the server.", {
      hint: "Get a token from its administrator: dstack project add --name NAME --url URL --token TOKEN",
    });
  if (wanted !== undefined) {
    if (providers.includes(wanted)) return wanted;
    throw new AppError("not_found", `Provider ${wanted} is not one of the server's. ${available}`);
  }
  if (providers.length === 1) return first;
  if (!ctx.input.isTerminal)
    throw new AppError("invalid", `Specify -p/--provider to choose SSO provider ${available}`);
  const items = providers.map((name) => ({ label: name, name, value: name }));
  return chooseOne(ctx, "Select the SSO provider:", items);
};

/** Undefined: it stays as it is (docs/spec/cli.md §3.3). */
const chooseDefault = async (
  ctx: Context,
  { names, yes, current }: { names: readonly string[]; yes: boolean; current: string | undefined },
): Promise<string | undefined> => {
  const [first] = names;
  if (yes || names.length === 1) return first;
  if (!ctx.input.isTerminal) return current === undefined || !names.includes(current) ? first : undefined;
  const items = names.map((name) => ({ label: name, name, value: name, isPreset: name === current }));
  return chooseOne(ctx, "Select the default project:", items);
};
