import type { AnyConfiguration, RunConfiguration } from "../../shared/config/configuration.ts";
import type { EnvPlaceholder } from "../../shared/config/env.ts";
import type { FleetConfiguration } from "../../shared/config/fleet.ts";
import { loadConfiguration } from "../../shared/config/load.ts";
import { AppError } from "../../shared/errors.ts";
import { openApi } from "../api/open.ts";
import { applyRun } from "../apply/applyRun.ts";
import { applyOptions, OFFERS_SHOWN } from "../apply/options.ts";
import { makeRunSpec } from "../apply/runSpec.ts";
import { KEYS_BY_TYPE, refuseOthers } from "../apply/types.ts";
import { defineCommand, type Values } from "../args/command.ts";
import { rest } from "../args/option.ts";
import { localPath } from "../configuration/localPath.ts";
import { readSource } from "../configuration/source.ts";
import { overridesOf, runExclusive } from "../runOptions/run.ts";

export const command = defineCommand({
  description: "Show what a configuration would do and, when that is confirmed, do it and stay with it.",
  options: applyOptions,
  exclusive: [...runExclusive, ["reverse", "detach"]],
  topics: KEYS_BY_TYPE,
  args: { runArgs: rest("RUN_ARGS", `What \${{ run.args }} stands for; after -- if it begins with a dash`) },
  run: async (ctx, given, { argv }) => {
    const { profile, noProfile, repo, repoBranch, repoHash, noRepo, runArgs, ...values } = given;
    const api = await openApi(ctx, values);
    const source = await readSource(ctx, values);
    const loaded = loadConfiguration(source.text, { path: source.shownAs });
    refuseOthers(loaded.type, argv, applyOptions);
    if (loaded.type === "fleet") {
      const { applyFleet } = await import("../apply/applyFleet.ts");
      const configuration = fleetWith(loaded, values);
      return applyFleet(ctx, api, { configuration, source, wish: values });
    }
    if (loaded.type === "volume") {
      const { applyVolume } = await import("../apply/applyVolume.ts");
      const configuration = { ...loaded, name: values.name ?? loaded.name };
      return applyVolume(ctx, api, { configuration, source, wish: values });
    }
    if (loaded.type === "gateway") {
      const { applyGateway } = await import("../apply/applyGateway.ts");
      const configuration = { ...loaded, name: values.name ?? loaded.name };
      return applyGateway(ctx, api, { configuration, source, wish: values });
    }
    const configuration = requireRun(loaded);
    const made = makeRunSpec(ctx, {
      api,
      source,
      configuration,
      overrides: overridesOf({ profile, noProfile, ...values }),
      profile: { name: profile, none: noProfile },
      repo: {
        repo,
        branch: repoBranch,
        hash: repoHash,
        none: noRepo,
        given: { token: values.token, identity: localPath(ctx, values.gitIdentity) },
      },
      runArgs,
      sshIdentity: localPath(ctx, values.sshIdentity),
    });
    const identity = localPath(ctx, values.sshIdentity);
    return applyRun(ctx, api, {
      made,
      wish: { ...values, identity, maxOffers: values.maxOffers ?? OFFERS_SHOWN },
    });
  },
});

const fleetWith = (
  configuration: FleetConfiguration,
  { name, env }: Pick<Values<typeof applyOptions>, "name" | "env">,
): FleetConfiguration => {
  if (env.length > 0 && !configuration.ssh_config)
    throw new AppError("invalid", "`env` is currently supported for SSH fleets only");
  return {
    ...configuration,
    name: name ?? configuration.name,
    env: { ...configuration.env, ...Object.fromEntries<string | EnvPlaceholder>(env) },
  };
};

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
