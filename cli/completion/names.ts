import type { Completion } from "../args/option.ts";
import type { Context } from "../context.ts";
import { readProjects } from "../settings/configFile.ts";

/** Names of what there is, from the server where it has to be asked. */
export const listNames = async (
  ctx: Context,
  of: Exclude<Completion, "file">,
  project: string | undefined,
): Promise<string[]> => {
  if (of === "project") return (await readProjects(ctx.home)).map((each) => each.name);
  const { openApi } = await import("../api/open.ts");
  const api = await openApi(ctx, { project });
  if (of === "fleet") {
    const { listFleets } = await import("../api/fleets.ts");
    return (await listFleets(api)).map((fleet) => fleet.name);
  }
  if (of === "instance") {
    const { listInstances } = await import("../api/instances.ts");
    return (await listInstances(api)).map((instance) => instance.name);
  }
  if (of === "secret") {
    const { listSecrets } = await import("../api/secrets.ts");
    return (await listSecrets(api)).map((secret) => secret.name);
  }
  const { listRuns, MOST_RUNS } = await import("../api/runs.ts");
  const runs = await listRuns(api, { onlyActive: of === "run", limit: MOST_RUNS });
  return runs.flatMap((run) => (run.deleted ? [] : (run.run_spec.run_name ?? [])));
};
