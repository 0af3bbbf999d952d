import { AppError } from "../../../shared/errors.ts";
import type { Context } from "../../context.ts";
import { chooseOne } from "../../output/menu.ts";
import { type ProjectEntry, saveProjects } from "../../settings/configFile.ts";

/** The menu of projects: of `project set-default`, and of `project` alone (docs/spec/cli.md §3.2). */
export const chooseDefault = async (ctx: Context, projects: readonly ProjectEntry[]): Promise<void> => {
  if (projects.length === 0) throw new AppError("not_found", "No projects configured");
  const items = projects.map(({ name, url, isDefault }) => ({
    label: `${name} (${url})`,
    name,
    value: name,
    isPreset: isDefault,
  }));
  const chosen = await chooseOne(ctx, "Select the default project:", items);
  saveProjects(
    ctx.home,
    projects.map((each) => ({ ...each, isDefault: each.name === chosen })),
  );
  ctx.out.write("OK\n");
};
