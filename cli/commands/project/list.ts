import { createApi } from "../../api/client.ts";
import { getMyUser } from "../../api/projects.ts";
import { ApiRefusal } from "../../api/refusal.ts";
import { defineCommand } from "../../args/command.ts";
import { flag } from "../../args/option.ts";
import type { Context } from "../../context.ts";
import { formatOf, formatOptions, isData, printData } from "../../output/format.ts";
import { renderTable } from "../../output/table.ts";
import { tlsFor } from "../../settings/authorities.ts";
import { type ProjectEntry, readProjects } from "../../settings/configFile.ts";
import { apiVersionOf } from "../../settings/connection.ts";
import { chooseDefault } from "./chooseDefault.ts";

export const command = defineCommand({
  description: "List the projects that this client knows.",
  options: { verbose: flag("-v, --verbose", "Ask each server who we are"), ...formatOptions },
  run: async (ctx, wish, { program }) => {
    // `dstack project` at a terminal: a menu, as the stock client has it.
    if (program.endsWith(" project") && ctx.input.isTerminal && formatOf(wish) === "plain") {
      const projects = await readProjects(ctx.home);
      if (projects.length > 1) return chooseDefault(ctx, projects);
    }
    const asksUsers = formatOf(wish) === "wide" || wish.verbose;
    const format = formatOf(wish);
    const projects = await Promise.all(
      (await readProjects(ctx.home)).map(async (each) => ({
        ...each,
        user: asksUsers ? await userOf(ctx, each) : undefined,
      })),
    );
    if (!isData(format)) return void ctx.out.write(renderProjects(ctx, projects, asksUsers));
    // Without the tokens: this is what ends up in logs.
    const shown = projects.map(({ name, url, user, isDefault }) => ({ name, url, user, default: isDefault }));
    await printData(ctx.out, format, { projects: shown });
  },
});

const renderProjects = (
  ctx: Context,
  projects: readonly (ProjectEntry & { user: string | undefined })[],
  hasUsers: boolean,
): string => {
  const columns = [
    { title: "PROJECT", isWhole: true },
    { title: "URL" },
    ...(hasUsers ? [{ title: "USER" }] : []),
    { title: "DEFAULT", isCentred: true },
  ];
  const rows = projects.map((each) => ({
    cells: [each.name, each.url, ...(hasUsers ? [each.user ?? ""] : []), each.isDefault ? "✓" : ""],
    ...(each.isDefault && { style: "bold" as const }),
  }));
  return renderTable(ctx.out, columns, rows);
};

const userOf = async (ctx: Context, { name, url, token }: ProjectEntry): Promise<string> => {
  try {
    const api = createApi({
      url,
      token,
      project: name,
      apiVersion: apiVersionOf(ctx.env),
      tls: tlsFor(ctx, url),
    });
    return (await getMyUser(api)).username;
  } catch (err) {
    // One server that is away must not keep the others from being listed.
    return err instanceof ApiRefusal && err.status === 403 ? "(invalid token)" : "(not reachable)";
  }
};
