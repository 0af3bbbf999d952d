import type { AnyConfiguration } from "../../shared/config/configuration.ts";
import { loadConfiguration } from "../../shared/config/load.ts";
import { AppError } from "../../shared/errors.ts";
import type { Api } from "../api/client.ts";
import { deleteFleet, findFleet } from "../api/fleets.ts";
import { deleteGateway, findGateway } from "../api/gateways.ts";
import { openApi } from "../api/open.ts";
import { deleteRun, findRun } from "../api/runs.ts";
import { deleteVolume, findVolume } from "../api/volumes.ts";
import { defineCommand } from "../args/command.ts";
import { flag, text, value } from "../args/option.ts";
import { projectOption } from "../args/resolve.ts";
import { readSource } from "../configuration/source.ts";
import type { Context } from "../context.ts";
import { startLive } from "../output/live.ts";
import { confirm, printExiting } from "../output/prompt.ts";
import { delayOn } from "../process/delayOn.ts";

/** How often is looked whether a fleet is gone. */
const POLL_MS = 500;

export const command = defineCommand({
  description: "Delete the run, fleet, volume or gateway that a configuration names. A run must be finished.",
  options: {
    project: projectOption,
    file: value("-f, --file FILE", "The configuration (.dstack.yml)", text, { complete: "file" }),
    yes: flag("-y, --yes", "Do not ask"),
  },
  run: async (ctx, { project, file, yes }) => {
    const api = await openApi(ctx, { project });
    const source = await readSource(ctx, { file, yes: false });
    const configuration = loadConfiguration(source.text, { path: source.shownAs });
    const { kind, find, remove } = operationsOf(configuration);
    const noun = kind.toLowerCase();
    const { name } = configuration;
    if (name === null) throw new AppError("invalid", `Configuration specifies no ${noun} to delete`);
    if (!(await find(api, name))) throw new AppError("not_found", `${kind} ${name} does not exist`);
    if (!yes && !(await confirm(ctx, `Delete the ${noun} ${name}?`))) return printExiting(ctx);
    await remove(ctx, api, name);
    ctx.out.write(`${kind} ${name} deleted\n`);
  },
});

interface Operations {
  readonly kind: "Run" | "Fleet" | "Volume" | "Gateway";
  readonly find: (api: Api, name: string) => Promise<unknown>;
  readonly remove: (ctx: Context, api: Api, name: string) => Promise<void>;
}

const runs: Operations = {
  kind: "Run",
  find: (api, name) => findRun(api, { name }),
  remove: (_, api, name) => deleteRun(api, name),
};

const fleets: Operations = {
  kind: "Fleet",
  find: (api, name) => findFleet(api, { name }),
  remove: async (ctx, api, name) => {
    using _ = startLive(ctx, "Deleting fleet...");
    await deleteFleet(api, name);
    while (await findFleet(api, { name })) await delayOn(ctx.clock, POLL_MS);
  },
};

const volumes: Operations = {
  kind: "Volume",
  find: findVolume,
  remove: (_, api, name) => deleteVolume(api, name),
};

const gateways: Operations = {
  kind: "Gateway",
  find: findGateway,
  remove: (_, api, name) => deleteGateway(api, name),
};

const operationsOf = ({ type }: AnyConfiguration): Operations => {
  if (type === "volume") return volumes;
  if (type === "gateway") return gateways;
  if (type === "fleet") return fleets;
  if (type === "task" || type === "service" || type === "dev-environment") return runs;
  throw new AppError("unsupported", `Cannot delete a ${type}: there are none yet`);
};
