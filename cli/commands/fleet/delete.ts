import { AppError } from "../../../shared/errors.ts";
import { deleteFleet, deleteInstances, getFleetToChange } from "../../api/fleets.ts";
import { openApi } from "../../api/open.ts";
import { defineCommand } from "../../args/command.ts";
import { flag, integer, list, one } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";
import { confirm, printExiting } from "../../output/prompt.ts";

export const command = defineCommand({
  description: "Delete a fleet, or some of its instances. Does not wait for their end.",
  options: {
    project: projectOption,
    instances: list("-i, --instance N", "Delete only this instance", integer),
    yes: flag("-y, --yes", "Do not ask"),
  },
  args: { name: one("NAME", "The name of the fleet", "fleet") },
  run: async (ctx, { project, instances, yes, name }) => {
    if (name.includes("/")) {
      throw new AppError("invalid", `Cannot delete ${name}: an imported fleet belongs to its own project`);
    }
    const api = await openApi(ctx, { project });
    await getFleetToChange(api, name);
    const isPart = instances.length > 0;
    const numbers = `[${instances.join(", ")}]`;
    const what = isPart ? `${name} instances ${numbers}` : name;
    if (!yes && !(await confirm(ctx, `Delete the fleet ${what}?`))) {
      printExiting(ctx);
      return;
    }
    await (isPart ? deleteInstances(api, name, instances) : deleteFleet(api, name));
    ctx.out.write(isPart ? `Fleet ${name} instances deleted\n` : `Fleet ${name} deleted\n`);
  },
});
