import { type Api, createApi } from "../../api/client.ts";
import { findFleet, missingFleet } from "../../api/fleets.ts";
import { openApi } from "../../api/open.ts";
import { defineCommand } from "../../args/command.ts";
import { optional, text, value } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";
import { dataFormatOf, dataOptions, printOne } from "../../output/format.ts";
import { nameOrId } from "../nameOrId.ts";

export const command = defineCommand({
  description: "Show everything that is known about one fleet.",
  options: {
    project: projectOption,
    id: value("--id UUID", "The id of the fleet, instead of its name", text),
    ...dataOptions,
  },
  args: { name: optional("NAME", "The name of the fleet; PROJECT/NAME for an imported one", "fleet") },
  run: async (ctx, { project, id, name, ...wish }) => {
    const format = dataFormatOf(wish);
    const key = nameOrId({ name, id });
    const api = await openApi(ctx, { project });
    const fleet = await findFleet(...inProjectOf(api, key));
    if (!fleet) throw await missingFleet(api, `Fleet ${name ?? id} not found`, name);
    await printOne(ctx.out, format, fleet);
  },
});

/** PROJECT/NAME is asked for in that project. */
const inProjectOf = (api: Api, key: { name?: string; id?: string }): Parameters<typeof findFleet> => {
  const [project, name] = key.name?.split("/", 2) ?? [];
  if (project === undefined || name === undefined) return [api, key];
  return [createApi({ ...api.connection, project }), { name }];
};
