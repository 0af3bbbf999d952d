import { type Path, Refusal } from "../schema/refusal.ts";
import { isMapping } from "../schema/scalar.ts";
import { type Position, parseYaml } from "../yaml/parse.ts";
import type { RunConfiguration } from "./configuration.ts";
import type { EnvVars } from "./env.ts";
import { interpolate, type Variables } from "./interpolate.ts";
import { joinArgs } from "./jobCommands.ts";
import { ConfigurationError, type Note, type Problem } from "./problems.ts";

/** What only the client knows. */
export interface ClientSide {
  /** How messages call the configuration's file. */
  path: string;
  /** What the file holds, for its lines to be shown with what is wrong. */
  text?: string;
  /** Variables of the client's own process. */
  env: Readonly<Record<string, string | undefined>>;
  /** Arguments after the options. */
  runArgs: readonly string[];
}

const fillEnv = (vars: EnvVars, env: ClientSide["env"], note: Note): Record<string, string> => {
  const values: [string, string][] = [];
  for (const [name, value] of Object.entries(vars)) {
    const text = typeof value === "string" ? value : env[value.key];
    if (text !== undefined) values.push([name, text]);
    else if (typeof value !== "string")
      note("missing", ["env"], `Environment variable ${value.key} is not set`);
  }
  return Object.fromEntries(values);
};

/** Where a property stands that is named as in the canonical form. */
export const locateIn = (text: string) => {
  const { value, locate } = parseYaml(text);
  // Replica groups may be written under either name.
  const isUnderGroups = isMapping(value) && value["type"] === "service" && "groups" in value;
  return ([first = "", ...rest]: Path): Position =>
    locate(first === "replicas" && isUnderGroups ? ["groups", ...rest] : [first, ...rest]);
};

/** Fills what the text at a place refers to. */
type Fill = (text: string, path: Path) => string;

/** `advice` goes with what is wrong with a reference. */
const filler =
  (vars: Variables, { keep, advice }: { keep: readonly string[]; advice: string }, note: Note): Fill =>
  (text, path) => {
    try {
      return interpolate(text, vars, keep);
    } catch (err) {
      if (!(err instanceof Refusal)) throw err;
      for (const { kind, message } of err.findings) note(kind, path, `${message} (${advice})`);
      return text;
    }
  };

const withCommands = <C extends RunConfiguration>(configuration: C, fill: Fill): C => {
  if (configuration.type === "dev-environment") return configuration;
  const fillAll = (commands: readonly string[], path: Path) =>
    commands.map((command, index) => fill(command, [...path, index]));
  const commands = fillAll(configuration.commands, ["commands"]);
  const fillGroups = <G extends { commands: string[] }>(groups: readonly G[], key: string) =>
    groups.map((group, index) => ({ ...group, commands: fillAll(group.commands, [key, index, "commands"]) }));
  if (configuration.type === "task") {
    const { groups } = configuration;
    return { ...configuration, commands, ...(groups && { groups: fillGroups(groups, "groups") }) };
  }
  const { replicas } = configuration;
  const filled = Array.isArray(replicas) ? fillGroups(replicas, "replicas") : replicas;
  return { ...configuration, commands, replicas: filled };
};

const withSecrets = <C extends RunConfiguration>(configuration: C, fill: Fill): C => {
  const { registry_auth: auth } = configuration;
  const registry_auth = auth && {
    username: fill(auth.username, ["registry_auth", "username"]),
    password: fill(auth.password, ["registry_auth", "password"]),
  };
  if (configuration.type !== "service" || !configuration.probes) return { ...configuration, registry_auth };
  const probes = configuration.probes.map((probe, index) => ({
    ...probe,
    url: probe.url === null ? null : fill(probe.url, ["probes", index, "url"]),
    body: probe.body === null ? null : fill(probe.body, ["probes", index, "body"]),
    headers: probe.headers.map(({ name, value }, header) => ({
      name,
      value: fill(value, ["probes", index, "headers", header, "value"]),
    })),
  }));
  return { ...configuration, registry_auth, probes };
};

const IN_COMMANDS = {
  keep: ["secrets", "groups"],
  advice: "commands may refer to run.args; variables of the environment are the shell's: $NAME",
};
const IN_VALUES = { keep: ["secrets"], advice: "only env and secrets may be referred to here" };

/**
 * Fills what the client knows, after the options of the command line are in (docs/spec/configuration.md §9): variables
 * without a value from the environment, `${{ env.X }}` in registry_auth and probes, `${{ run.args }}` in commands.
 * References to secrets and nodes stay for the server. Throws `ConfigurationError`.
 */
export const resolveRun = <C extends RunConfiguration>(configuration: C, client: ClientSide): C => {
  const problems: Problem[] = [];
  const locate = client.text === undefined ? undefined : locateIn(client.text);
  const note: Note = (kind, path, message) =>
    problems.push({ kind, path, message, value: undefined, position: locate?.(path) });
  const env = fillEnv(configuration.env, client.env, note);
  const run = { args: joinArgs(client.runArgs) };
  const filled = withSecrets(
    withCommands({ ...configuration, env }, filler({ run }, IN_COMMANDS, note)),
    filler({ env }, IN_VALUES, note),
  );
  const { working_dir } = configuration;
  if (working_dir !== null && !/^[/~]/.test(working_dir)) {
    note("invalid_value", ["working_dir"], "working_dir must be absolute, or begin with ~");
  }
  if (problems.length > 0) throw new ConfigurationError(problems, client.path, client.text);
  return filled;
};
