import { loadConfiguration } from "../../shared/config/load.ts";
import { AppError } from "../../shared/errors.ts";
import { openApi } from "../api/open.ts";
import { applyRun } from "../apply/applyRun.ts";
import { defineCommand } from "../args/command.ts";
import { count, flag, text, value } from "../args/option.ts";
import { projectOption } from "../args/resolve.ts";
import { readSource } from "../configuration/source.ts";
import { emptySpec } from "../runOptions/dummyTask.ts";

export const command = defineCommand({
  description: "Apply a configuration.",
  options: {
    project: projectOption,
    file: value("-f, --file FILE", "The configuration; - for standard input (.dstack.yml)", text, {
      complete: "file",
    }),
    yes: flag("-y, --yes", "Do not ask"),
    force: flag("--force", "Apply even if nothing has changed"),
    detach: flag("-d, --detach", "Do not wait for the run"),
    verbose: flag("-v, --verbose", "Show more of the plan"),
    name: value("-n, --name NAME", "The name of the run", text),
    maxOffers: value("--max-offers N", "How many offers to show (3)", count),
    fullOffers: flag("--full-offers", "Offers as they are sold, not cut down to what is asked for"),
    unallocated: flag("--unallocated", "Subtract from offers what is in use"),
  },
  run: async (ctx, values) => {
    const api = await openApi(ctx, values);
    const source = await readSource(ctx, values);
    const configuration = loadConfiguration(source.text, source);
    if (
      configuration.type !== "task" &&
      configuration.type !== "service" &&
      configuration.type !== "dev-environment"
    )
      throw new AppError("unsupported", "x");
    const spec = {
      ...emptySpec({ ...configuration, name: values.name ?? configuration.name }),
      repo_id: "none",
      repo_data: { repo_type: "virtual" as const },
      configuration_path: source.path,
    };
    return applyRun(ctx, api, {
      spec: async () => spec,
      wish: { ...values, maxOffers: values.maxOffers ?? 3 },
    });
  },
});
