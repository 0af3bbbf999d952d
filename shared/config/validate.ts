import { isMapping } from "../schema/scalar.ts";
import { checkConfiguration } from "./checkConfiguration.ts";
import type { AnyConfiguration, RunConfiguration } from "./configuration.ts";
import { loadConfiguration, readYaml } from "./load.ts";
import { ConfigurationError, type Note, type Problem } from "./problems.ts";
import { loadProfiles } from "./profiles.ts";
import { locateIn, resolveRun } from "./resolve.ts";

export const isRunConfiguration = (configuration: AnyConfiguration): configuration is RunConfiguration =>
  configuration.type === "task" ||
  configuration.type === "service" ||
  configuration.type === "dev-environment";

/** Variables of the environment are there when the run is submitted: here it is about the file alone. */
const anyEnv = ({ env }: RunConfiguration): Record<string, string> =>
  Object.fromEntries(
    Object.values(env).flatMap((value) => (typeof value === "string" ? [] : [[value.key, ""]])),
  );

const checkLoaded = (configuration: AnyConfiguration, { text, path }: { text: string; path: string }) => {
  const problems: Problem[] = [];
  const locate = locateIn(text);
  const note: Note = (kind, path, message) =>
    problems.push({ kind, path, message, value: undefined, position: locate(path) });
  checkConfiguration(configuration, null, note);
  if (isRunConfiguration(configuration)) {
    try {
      resolveRun(configuration, { path, text, env: anyEnv(configuration), runArgs: [] });
    } catch (err) {
      if (!(err instanceof ConfigurationError)) throw err;
      problems.push(...err.problems);
    }
  }
  if (problems.length > 0) throw new ConfigurationError(problems, path, text);
};

/**
 * Checks a `*.dstack.yml` or `profiles.yml` as far as the file alone allows, with the rules of client and server, and
 * answers what it is. Throws `ConfigurationError` with every mistake.
 */
export const validate = (text: string, { path }: { path: string }): AnyConfiguration["type"] | "profiles" => {
  const { value } = readYaml(text, path);
  if (isMapping(value) && "profiles" in value && !("type" in value)) {
    loadProfiles(text, { path });
    return "profiles";
  }
  const configuration = loadConfiguration(text, { path });
  checkLoaded(configuration, { text, path });
  return configuration.type;
};
