import { describe, expect, test } from "bun:test";
import { AppError } from "../errors.ts";
import { ResourcesSpec } from "../resources/spec.ts";
import { DIFFERENT, ELSEWHERE } from "../testing/differences.ts";
import { configurationCases, type Expected } from "../testing/golden.ts";
import { checkRun } from "./checkRun.ts";
import { AnyConfiguration, type RunConfiguration } from "./configuration.ts";
import { parseEnvEntry } from "./env.ts";
import { loadConfiguration } from "./load.ts";
import { type RunOverrides, withOverrides } from "./overrides.ts";
import { Port } from "./ports.ts";
import { Profile } from "./profile.ts";
import { EntityReference } from "./reference.ts";
import { resolveRun } from "./resolve.ts";

/** The options of the golden command lines, as the command line reads them. */
const overridesOf = (args: readonly string[]): { overrides: RunOverrides; runArgs: string[] } => {
  const end = args.indexOf("--");
  const options = end < 0 ? args : args.slice(0, end);
  const given = (...names: string[]) =>
    options.flatMap((option, index) => (names.includes(option) ? [options[index + 1] ?? ""] : []));
  const [name, cpu, gpu, memory, disk] = ["-n", "--cpu", "--gpu", "--memory", "--disk"].map(
    (flag) => given(flag)[0],
  );
  const resources = ResourcesSpec.parse({ cpu, gpu, memory, disk });
  const parts = Object.entries({ cpu, gpu, memory, disk }).filter(([, text]) => text !== undefined);
  const list = (flag: string) => (given(flag).length > 0 ? given(flag) : undefined);
  const [retry] = given("--retry-duration");
  const written = {
    backends: list("-b"),
    regions: list("-r"),
    fleets: list("--fleet"),
    max_price: given("--max-price")[0],
    max_duration: given("--max-duration")[0],
    spot_policy: options.includes("--on-demand") ? "on-demand" : given("--spot-policy")[0],
    creation_policy: options.includes("-R") ? "reuse" : undefined,
    retry: retry === undefined ? undefined : { duration: retry },
  };
  const placement = Object.fromEntries(
    Object.entries(Profile.parse(written)).filter(([key, value]) => value !== null && key in written),
  );
  return {
    overrides: {
      name,
      env: Object.fromEntries(given("-e", "--env").map(parseEnvEntry)),
      resources: Object.fromEntries(parts.map(([key]) => [key, resources[key as keyof ResourcesSpec]])),
      placement,
      ports: given("-p").map((port) => Port.parse(port)),
    },
    runArgs: end < 0 ? args.filter((arg) => arg === "x") : args.slice(end + 1),
  };
};

const isRun = (configuration: AnyConfiguration): configuration is RunConfiguration =>
  ["task", "service", "dev-environment"].includes(configuration.type);

const asSent = (text: string, { given = {} }: Expected): unknown => {
  const path = "config.dstack.yml";
  const configuration = loadConfiguration(text, { path });
  if (!isRun(configuration)) return configuration;
  const { overrides, runArgs } = overridesOf(given.args ?? []);
  return resolveRun(withOverrides(configuration, overrides), { path, env: given.env ?? {}, runArgs });
};

/** Written by the client's later steps: absolute paths of files, and keys; a fleet's name is its reference. */
const normal = (configuration: unknown): unknown =>
  JSON.parse(JSON.stringify(configuration), (key, value) => {
    if (key === "local_path" && typeof value === "string")
      return value.replace("<cwd>/", "").replace("<home>", "~");
    if (key === "ssh_key" && value === "<any>") return null;
    return key === "fleets" && Array.isArray(value)
      ? value.map((fleet) => EntityReference.parse(fleet))
      : value;
  });

const accepted = configurationCases().filter(
  ({ name, expected, later }) => !(name in DIFFERENT) && (expected.valid || later?.valid),
);

describe("what is sent for a file is what the reference sends", () => {
  test.each(accepted)("$name", ({ text, expected, later }) => {
    const sent = asSent(text, expected);
    // Later releases write a service's groups otherwise; both spellings are read as one.
    if (later?.configuration && Bun.deepEquals(sent, AnyConfiguration.parse(later.configuration))) return;
    expect(normal(sent)).toEqual(normal(expected.configuration));
  });
});

const unresolved = configurationCases().filter(
  ({ name, expected }) => expected.stage === "client" && !/-fleet-/.test(name) && !(name in ELSEWHERE),
);

describe("before anything is submitted, what the reference's client refuses is refused", () => {
  test.each(unresolved)("$name", ({ text, expected }) => {
    expect(() => checkRun(asSent(text, expected) as RunConfiguration, null)).toThrow(AppError);
  });
});
