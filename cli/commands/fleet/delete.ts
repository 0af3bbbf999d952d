import { AppError } from "../../../shared/errors.ts";
import { deleteFleet, deleteInstances, getFleetToChange } from "../../api/fleets.ts";
import { removeInstance } from "../../api/instances.ts";
import { openApi } from "../../api/open.ts";
import { defineCommand } from "../../args/command.ts";
import { flag, integer, list, one } from "../../args/option.ts";
import { UsageError } from "../../args/parse.ts";
import { projectOption } from "../../args/resolve.ts";
import { confirm, printExiting } from "../../output/prompt.ts";
import { waitUntilGone } from "../instance/waitUntilGone.ts";

export const command = defineCommand({
  description: "Delete a fleet, or some of its instances. Does not wait for their end.",
  options: {
    project: projectOption,
    instances: list("-i, --instance N", "Delete only this instance", integer),
    uninstall: flag(
      "--uninstall",
      "First have the hosts remove the agent and all that it has made, and wait until they have left",
    ),
    force: flag("--force", "With --uninstall: also with jobs there, which are killed"),
    yes: flag("-y, --yes", "Do not ask"),
  },
  args: { name: one("NAME", "The name of the fleet", "fleet") },
  run: async (ctx, { project, instances, uninstall, force, yes, name }) => {
    if (force && !uninstall) throw new UsageError("--force goes with --uninstall only");
    if (name.includes("/")) {
      throw new AppError("invalid", `Cannot delete ${name}: an imported fleet belongs to its own project`);
    }
    const api = await openApi(ctx, { project });
    const fleet = await getFleetToChange(api, name);
    const isPart = instances.length > 0;
    const numbers = `[${instances.join(", ")}]`;
    const what = isPart ? `${name} instances ${numbers}` : name;
    const also = uninstall ? ", and dstack-agent from its hosts" : "";
    if (!yes && !(await confirm(ctx, `Delete the fleet ${what}${also}?`))) {
      printExiting(ctx);
      return undefined;
    }
    if (uninstall) {
      const chosen = fleet.instances.filter(
        ({ instance_num: number, status }) =>
          status !== "terminated" && (!isPart || instances.includes(number)),
      );
      const names = chosen.map((instance) => instance.name);
      for (const each of names) await removeInstance(api, { name: each, uninstall, force });
      if (!(await waitUntilGone(ctx, api, names))) return 130;
    }
    await (isPart ? deleteInstances(api, name, instances) : deleteFleet(api, name));
    ctx.out.write(isPart ? `Fleet ${name} instances deleted\n` : `Fleet ${name} deleted\n`);
    return undefined;
  },
});
