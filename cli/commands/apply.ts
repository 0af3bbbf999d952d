import type { AnyConfiguration, RunConfiguration } from "../../shared/config/configuration.ts";
import { loadConfiguration } from "../../shared/config/load.ts";
import { AppError } from "../../shared/errors.ts";
import { openApi } from "../api/open.ts";
import { applyRun } from "../apply/applyRun.ts";
import { makeRunSpec } from "../apply/runSpec.ts";
import { defineCommand } from "../args/command.ts";
import { count, flag, rest, text, value } from "../args/option.ts";
import { projectOption } from "../args/resolve.ts";
import { readSource } from "../configuration/source.ts";
import { overridesOf, runExclusive, runOptions } from "../runOptions/run.ts";

const OFFERS_SHOWN = 3;

export const command = defineCommand({
  description: "Show what a configuration would do and, when that is confirmed, do it and stay with it.",
  options: {
    project: projectOption,
    file: value("-f, --file FILE", "The configuration; - for standard input (.dstack.yml)", text, {
      complete: "file",
    }),
    yes: flag("-y, --yes", "Do not ask"),
    force: flag("--force", "Apply even if nothing has changed"),
    detach: flag("-d, --detach", "Do not wait for the run"),
    verbose: flag("-v, --verbose", "Show more of the plan"),
    maxOffers: value("--max-offers N", `How many offers to show (${OFFERS_SHOWN})`, count),
    fullOffers: flag("--full-offers", "Offers as they are sold, not cut down to what is asked for"),
    unallocated: flag("--unallocated", "Subtract from offers what is in use"),
    repo: value("-P, --repo REPO", "A checkout here or a URL, in place of `repos`", text, {
      complete: "file",
    }),
    repoBranch: value("--repo-branch BRANCH", "The branch to check out, of a URL", text),
    repoHash: value("--repo-hash HASH", "The commit to check out, of a URL", text),
    noRepo: flag("--no-repo", "Ignore `repos` of the configuration"),
    ...runOptions,
  },
  exclusive: runExclusive,
  args: { runArgs: rest("RUN_ARGS", `What \${{ run.args }} stands for; after -- if it begins with a dash`) },
  run: async (ctx, { profile, noProfile, repo, repoBranch, repoHash, noRepo, runArgs, ...values }) => {
    const api = await openApi(ctx, values);
    const source = await readSource(ctx, values);
    const loaded = loadConfiguration(source.text, { path: source.shownAs });
    if (loaded.type === "fleet") {
      const { applyFleet } = await import("../apply/applyFleet.ts");
      return applyFleet(ctx, api, { configuration: loaded, source, wish: values });
    }
    const configuration = requireRun(loaded);
    const made = makeRunSpec(ctx, {
      api,
      source,
      configuration,
      overrides: overridesOf({ profile, noProfile, ...values }),
      profile: { name: profile, none: noProfile },
      repo: { repo, branch: repoBranch, hash: repoHash, none: noRepo },
      runArgs,
    });
    return applyRun(ctx, api, { made, wish: { ...values, maxOffers: values.maxOffers ?? OFFERS_SHOWN } });
  },
});

const requireRun = (configuration: AnyConfiguration): RunConfiguration => {
  switch (configuration.type) {
    case "task":
    case "service":
    case "dev-environment":
      return configuration;
    default:
      throw new AppError("unsupported", `Cannot apply a ${configuration.type}: it is not supported yet`);
  }
};
