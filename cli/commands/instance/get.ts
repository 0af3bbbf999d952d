import { AppError } from "../../../shared/errors.ts";
import { getInstance, listHealthChecks, listInstances } from "../../api/instances.ts";
import { openApi } from "../../api/open.ts";
import { defineCommand } from "../../args/command.ts";
import { optional, text, value } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";
import { dataFormatOf, dataOptions, printOne } from "../../output/format.ts";
import { nameOrId } from "../nameOrId.ts";

export const command = defineCommand({
  description: "Show everything that is known about one instance, and how its devices did in the last days.",
  options: {
    project: projectOption,
    id: value("--id UUID", "The id of the instance, instead of its name", text),
    ...dataOptions,
  },
  args: { name: optional("NAME", "The name of the instance", "instance") },
  run: async (ctx, { project, id, name, ...wish }) => {
    const format = dataFormatOf(wish);
    const key = nameOrId({ name, id });
    const api = await openApi(ctx, { project });
    const instance =
      key.id === undefined
        ? (await listInstances(api)).find((one) => one.name === key.name)
        : await getInstance(api, key.id);
    if (!instance) throw new AppError("not_found", `Instance ${name} not found`);
    await printOne(ctx.out, format, { ...instance, health_checks: await listHealthChecks(api, instance) });
  },
});
