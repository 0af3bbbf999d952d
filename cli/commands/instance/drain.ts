import { cordonInstance, getInstance } from "../../api/instances.ts";
import { openApi } from "../../api/open.ts";
import { defineCommand } from "../../args/command.ts";
import { one, text, value } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";
import { startLive } from "../../output/live.ts";
import { delayOn } from "../../process/delayOn.ts";

const EVERY_MS = 2_000;

export const command = defineCommand({
  description:
    "Keep new jobs away from an instance, and wait until those that it has are over. Ctrl-C ends the waiting only.",
  options: {
    project: projectOption,
    reason: value("--reason TEXT", "Why, for those whose runs wait", text),
  },
  args: { name: one("NAME", "The name of the instance", "instance") },
  run: async (ctx, { project, reason = "", name }) => {
    const api = await openApi(ctx, { project });
    let instance = await cordonInstance(api, name, reason);
    ctx.out.write(`Instance ${name} gets no new jobs\n`);
    using interrupt = ctx.interrupts.listen();
    {
      using _ = startLive(ctx, "Waiting for its jobs to end...");
      while (instance.status === "busy" && !interrupt.signal.aborted) {
        await delayOn(ctx.clock, EVERY_MS, interrupt.signal);
        instance = await getInstance(api, instance.id);
      }
    }
    if (instance.status === "busy") return 130;
    ctx.out.write(`Instance ${name} has no jobs\n`);
    return undefined;
  },
});
