import { findGateway, listGateways } from "../../api/gateways.ts";
import { missing } from "../../api/missing.ts";
import { openApi } from "../../api/open.ts";
import { defineCommand } from "../../args/command.ts";
import { one } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";
import { dataFormatOf, dataOptions, printOne } from "../../output/format.ts";

export const command = defineCommand({
  description: "Show everything that is known about one gateway.",
  options: { project: projectOption, ...dataOptions },
  args: { name: one("NAME", "The name of the gateway", "gateway") },
  run: async (ctx, { project, name, ...wish }) => {
    const format = dataFormatOf(wish);
    const api = await openApi(ctx, { project });
    const gateway = await findGateway(api, name);
    if (!gateway)
      throw await missing(`Gateway ${name} not found`, name, async (signal) =>
        (await listGateways(api, { signal })).map((each) => each.name),
      );
    await printOne(ctx.out, format, gateway);
  },
});
