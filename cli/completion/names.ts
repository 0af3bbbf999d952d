import type { Api, RequestOptions } from "../api/client.ts";
import type { Completion } from "../args/option.ts";
import type { Context } from "../context.ts";
import { readProjects } from "../settings/configFile.ts";

/** Somebody has pressed TAB, and types on: what has not come by then is not waited for. */
const PATIENCE_MS = 800;

type Kind = Exclude<Completion, "file" | "project">;
type NamesOf = (api: Api, options: RequestOptions) => Promise<readonly (string | null)[]>;

const runNames =
  (onlyActive: boolean): NamesOf =>
  async (api, options) => {
    const { listRuns, MOST_RUNS } = await import("../api/runs.ts");
    const runs = await listRuns(api, { onlyActive, limit: MOST_RUNS }, options);
    return runs.map(({ deleted, run_spec: spec }) => (deleted ? null : spec.run_name));
  };

const named = (things: readonly { readonly name: string }[]): string[] => things.map(({ name }) => name);

const NAMES: Readonly<Record<Kind, NamesOf>> = {
  run: runNames(true),
  anyRun: runNames(false),
  fleet: async (api, options) => {
    const { listFleets } = await import("../api/fleets.ts");
    const { project } = api.connection;
    return (await listFleets(api, options)).map((fleet) =>
      fleet.project_name === project ? fleet.name : `${fleet.project_name}/${fleet.name}`,
    );
  },
  instance: async (api, options) =>
    named(await (await import("../api/instances.ts")).listInstances(api, options)),
  secret: async (api, options) => named(await (await import("../api/secrets.ts")).listSecrets(api, options)),
  volume: async (api, options) => named(await (await import("../api/volumes.ts")).listVolumes(api, options)),
  gateway: async (api, options) =>
    named(await (await import("../api/gateways.ts")).listGateways(api, options)),
  export: async (api, options) =>
    named((await (await import("../api/exports.ts")).listExports(api, options)).exports),
  import: async (api, options) =>
    (await (await import("../api/exports.ts")).listImports(api, options)).imports.map(
      ({ export: { project_name: project, name } }) => `${project}/${name}`,
    ),
};

/** Names of what there is, from the server where it has to be asked; none if it cannot be asked now. */
export const listNames = async (
  ctx: Context,
  of: Exclude<Completion, "file">,
  project: string | undefined,
): Promise<readonly string[]> => {
  try {
    if (of === "project") return named(await readProjects(ctx.home));
    const { openApi } = await import("../api/open.ts");
    const api = await openApi(ctx, { project });
    const options = { signal: AbortSignal.timeout(PATIENCE_MS), isSingleTry: true };
    return (await NAMES[of](api, options)).filter((name) => name !== null);
  } catch {
    // Whatever it is, the middle of a line that somebody types is no place to tell it.
    return [];
  }
};
