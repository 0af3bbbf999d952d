import { loadConfiguration } from "../../../shared/config/load.ts";
import { findProfile } from "../../../shared/config/profiles.ts";
import { traceValues } from "../../../shared/config/trace.ts";
import { parseYaml } from "../../../shared/yaml/parse.ts";
import { defineCommand } from "../../args/command.ts";
import { flag, optional } from "../../args/option.ts";
import { readSource } from "../../configuration/source.ts";
import { printJson } from "../../output/json.ts";
import { overridesOf, runExclusive, runOptions } from "../../runOptions/run.ts";
import { renderTraced } from "../../views/traced.ts";

/** Gateways and volumes have none, and fleets the default one (docs/spec/configuration.md §8). */
const WITHOUT_PROFILE = ["gateway", "volume"];

export const command = defineCommand({
  description: `Show what a configuration says when everything is put together: options of this command line over the file
over the profile over what is built in. No server is needed.`,
  options: {
    json: flag("--json", "For programs: a list of properties"),
    all: flag("-a, --all", "Also what is unset"),
    ...runOptions,
  },
  exclusive: runExclusive,
  args: { file: optional("FILE", "The configuration; - for standard input (.dstack.yml)", "file") },
  run: async (ctx, { file, json, all, profile: wanted, noProfile, ...values }) => {
    const source = await readSource(ctx, { file, yes: true });
    const configuration = loadConfiguration(source.text, { path: source.shownAs });
    const { env, cwd, home } = ctx;
    const wish = configuration.type === "fleet" ? {} : { name: wanted, none: noProfile };
    const profile = WITHOUT_PROFILE.includes(configuration.type)
      ? null
      : await findProfile({ ...wish, env, cwd, home });
    const traced = traceValues({
      configuration,
      document: parseYaml(source.text),
      overrides: overridesOf({ profile: wanted, noProfile, ...values }),
      profile,
    });
    const name = profile?.name || null;
    if (json) printJson(ctx.out, { file: source.shownAs, profile: name, values: traced.map(asJson) });
    else ctx.out.write(renderTraced(ctx.out, traced, { file: source.shownAs, profile: name, all }));
  },
});

const asJson = ({ position, ...traced }: ReturnType<typeof traceValues>[number]) => ({
  ...traced,
  line: position?.line ?? null,
  column: position?.column ?? null,
});
