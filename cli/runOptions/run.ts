import { type EnvPlaceholder, parseEnvEntry } from "../../shared/config/env.ts";
import type { RunOverrides } from "../../shared/config/overrides.ts";
import { Port } from "../../shared/config/ports.ts";
import type { Values } from "../args/command.ts";
import { flag, list, text, value } from "../args/option.ts";
import { placementExclusive, placementOf, placementOptions } from "./placement.ts";
import { readAs, readBy } from "./read.ts";
import { resourceOptions, resourcesOf } from "./resources.ts";

/** What `apply` may put over the configuration of a run (docs/spec/cli.md §3.5). */
export const runOptions = {
  name: value("-n, --name NAME", "The name, in place of that in the file", text),
  env: list(
    "-e, --env KEY[=VALUE]",
    "A variable; without a value it is taken from the shell",
    readBy(parseEnvEntry),
  ),
  ports: list("-p, --port MAPPING", "A port to forward, like 8000, 80:8000 or *:8000", readAs(Port)),
  ...resourceOptions,
  profile: value("--profile NAME", "The profile to use ($DSTACK_PROFILE or the default one)", text),
  noProfile: flag("--no-profile", "Use no profile ($DSTACK_NO_PROFILE)"),
  ...placementOptions,
};

export const runExclusive: (keyof typeof runOptions)[][] = [["profile", "noProfile"], ...placementExclusive];

export const overridesOf = (values: Values<typeof runOptions>): RunOverrides => ({
  name: values.name,
  env: Object.fromEntries<string | EnvPlaceholder>(values.env),
  resources: resourcesOf(values),
  placement: placementOf(values),
  ports: values.ports,
});
