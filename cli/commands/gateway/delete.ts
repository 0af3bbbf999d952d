import { deleteGateway } from "../../api/gateways.ts";
import { openApi } from "../../api/open.ts";
import { defineCommand } from "../../args/command.ts";
import { flag, one } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";
import { confirm, printExiting } from "../../output/prompt.ts";
import { ago } from "../../output/time.ts";
import { renderGateways } from "../../views/gateways.ts";
import { getGatewayToChange } from "./getGatewayToChange.ts";

export const command = defineCommand({
  description: "Delete a gateway. Services that use it are not reached by it any more.",
  options: { project: projectOption, yes: flag("-y, --yes", "Do not ask") },
  args: { name: one("NAME", "The name of the gateway", "gateway") },
  run: async (ctx, { project, yes, name }) => {
    const api = await openApi(ctx, { project });
    const gateway = await getGatewayToChange(api, name);
    const shape = { isVerbose: false, project: api.connection.project };
    const time = (ms: number) => ago(ms, ctx.clock.now());
    ctx.out.write(`${renderGateways(ctx.out, [gateway], { ...shape, time })}\n`);
    if (!yes && !(await confirm(ctx, "Do you want to delete the gateway?"))) return printExiting(ctx);
    await deleteGateway(api, name);
    ctx.out.write("Gateway deleted\n");
  },
});
