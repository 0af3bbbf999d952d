import { setDefaultGateway, setWildcardDomain } from "../../api/gateways.ts";
import { openApi } from "../../api/open.ts";
import { defineCommand } from "../../args/command.ts";
import { flag, one, text, value } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";
import { ago } from "../../output/time.ts";
import { renderGateways } from "../../views/gateways.ts";
import { getGatewayToChange } from "./getGatewayToChange.ts";

export const command = defineCommand({
  description: "Make a gateway the default, or give it another domain.",
  options: {
    project: projectOption,
    setDefault: flag("--set-default", "Services use it that name none"),
    domain: value("--domain DOMAIN", "Services are published below it (deprecated: apply the file)", text),
  },
  args: { name: one("NAME", "The name of the gateway", "gateway") },
  run: async (ctx, { project, setDefault, domain, name }) => {
    const api = await openApi(ctx, { project });
    await getGatewayToChange(api, name);
    if (setDefault) await setDefaultGateway(api, name);
    if (domain !== undefined) {
      ctx.err.write("--domain is deprecated: set `domain` in the gateway's file, and apply that\n");
      await setWildcardDomain(api, name, domain);
    }
    const gateway = await getGatewayToChange(api, name);
    const shape = { isVerbose: false, project: api.connection.project };
    const time = (ms: number) => ago(ms, ctx.clock.now());
    ctx.out.write(`${renderGateways(ctx.out, [gateway], { ...shape, time })}\n`);
  },
});
