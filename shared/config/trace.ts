import { isMapping } from "../schema/scalar.ts";
import { at } from "../schema/union.ts";
import type { Position, YamlDocument } from "../yaml/parse.ts";
import type { AnyConfiguration } from "./configuration.ts";
import { withServerDefaults } from "./effective.ts";
import { type RunOverrides, withOverrides } from "./overrides.ts";
import { printPath } from "./problems.ts";
import { PROFILE_PROPERTIES, type Profile } from "./profile.ts";
import { isRunConfiguration } from "./validate.ts";

export type Source = "flag" | "file" | "profile" | "default";

/** A value that holds in the end, and where it is from. */
export interface Traced {
  property: string;
  value: unknown;
  source: Source;
  /** Of values from the file. */
  position?: Position;
}

interface Sources {
  configuration: AnyConfiguration;
  /** The file. */
  document: YamlDocument;
  /** Of runs. */
  overrides: RunOverrides;
  profile: Profile | null;
}

const flagPaths = ({ name, env, resources, placement, ports }: RunOverrides): Set<string> => {
  const under = (prefix: string, part: object = {}) => Object.keys(part).map((key) => `${prefix}${key}`);
  return new Set([
    ...(name === undefined ? [] : ["name"]),
    ...under("env.", env),
    ...under("resources.", resources),
    ...under("", placement),
    ...(ports && ports.length > 0 ? ["ports"] : []),
  ]);
};

/** Names stand for themselves in a list of variables. */
const writtenEnv = (env: unknown): unknown => {
  if (!Array.isArray(env)) return env;
  return Object.fromEntries(env.map((item) => [String(item).split("=", 1)[0] ?? "", item]));
};

/**
 * Everything that holds for a configuration, property by property: command line over file over profile over what is
 * built in (docs/spec/configuration.md §8), with what the server fills in. Variables stay unresolved.
 */
export const traceValues = ({ configuration, document, overrides, profile }: Sources): Traced[] => {
  const isRun = isRunConfiguration(configuration);
  const overridden = isRun ? withOverrides(configuration, overrides) : configuration;
  const flags = isRun ? flagPaths(overrides) : new Set<string>();
  const fromProfile = new Set<string>();
  const merged: Record<string, unknown> = { ...overridden };
  for (const key of profile ? PROFILE_PROPERTIES : []) {
    if (!(key in merged) || (merged[key] ?? null) !== null || (profile?.[key] ?? null) === null) continue;
    merged[key] = profile?.[key];
    fromProfile.add(key);
  }
  const effective = isRunConfiguration(overridden)
    ? { ...withServerDefaults({ ...overridden, ...merged } as typeof overridden) }
    : merged;
  const file = isMapping(document.value) ? document.value : {};
  const written: Record<string, unknown> = { ...file, env: writtenEnv(file["env"]) };
  // The later spelling of a service's groups.
  const hasGroups = configuration.type === "service" && "groups" in file;
  if (hasGroups) written["replicas"] ??= file["groups"];
  const locate = ([first = "", ...rest]: readonly string[]) =>
    document.locate([hasGroups && first === "replicas" ? "groups" : first, ...rest]);

  const trace = (path: readonly string[], value: unknown, raw: unknown): Traced[] => {
    const dotted = path.join(".");
    const is = (source: Source): Traced[] => [{ property: printPath(path), value, source }];
    if (flags.has(dotted)) return is("flag");
    if (fromProfile.has(dotted)) return is("profile");
    const hasFlag = [...flags].some((flag) => flag.startsWith(`${dotted}.`));
    // What is written as something shorter is not taken apart: all of it is from the file.
    const isWhole = raw === undefined && path.length === 1;
    if (isMapping(value) && Object.keys(value).length > 0 && (isMapping(raw) || hasFlag || isWhole)) {
      return Object.entries(value).flatMap(([key, part]) => trace([...path, key], part, at(raw, [key])));
    }
    if ((raw ?? null) === null) return is("default");
    return is("file").map((traced) => ({ ...traced, position: locate(path) }));
  };
  return Object.entries(effective).flatMap(([key, value]) => trace([key], value, written[key]));
};
