import { createApi } from "../../api/client.ts";
import { getMyUser } from "../../api/projects.ts";
import { ApiRefusal } from "../../api/refusal.ts";
import { defineCommand } from "../../args/command.ts";
import { flag } from "../../args/option.ts";
import type { Context } from "../../context.ts";
import { renderTable } from "../../output/table.ts";
import { type ProjectEntry, readProjects } from "../../settings/configFile.ts";
import { apiVersionOf } from "../../settings/connection.ts";

export const command = defineCommand({
  description: "List the projects that this client knows.",
  options: { verbose: flag("-v, --verbose", "Ask each server who we are") },
  run: async (ctx, { verbose }) => {
    const projects = await readProjects(ctx.home);
    const users = verbose ? await Promise.all(projects.map((each) => userOf(ctx, each))) : [];
    const columns = [
      { title: "PROJECT", isWhole: true },
      { title: "URL" },
      ...(verbose ? [{ title: "USER" }] : []),
      { title: "DEFAULT", isCentred: true },
    ];
    const rows = projects.map((each, at) => ({
      cells: [each.name, each.url, ...(verbose ? [users[at] ?? ""] : []), each.isDefault ? "✓" : ""],
      ...(each.isDefault && { style: "bold" as const }),
    }));
    ctx.out.write(renderTable(ctx.out, columns, rows));
  },
});

const userOf = async (ctx: Context, { name, url, token }: ProjectEntry): Promise<string> => {
  try {
    const api = createApi({ url, token, project: name, apiVersion: apiVersionOf(ctx.env) });
    return (await getMyUser(api)).username;
  } catch (err) {
    // One server that is away must not keep the others from being listed.
    return err instanceof ApiRefusal && err.status === 403 ? "(invalid token)" : "(not reachable)";
  }
};
