import { describe, expect, test } from "bun:test";
import { configurationCases, type Expected } from "../testing/golden.ts";
import { AnyConfiguration, RunConfiguration } from "./configuration.ts";
import { withServerDefaults } from "./effective.ts";
import { Profile } from "./profile.ts";
import { getFleetRequirements, getRequirements } from "./requirements.ts";

type Node = Record<string | number, unknown>;

/** The configuration with what the reference's server adds. */
const filled = (expected: Expected): unknown => {
  const configuration = structuredClone(expected.configuration) ?? {};
  for (const { path, value } of expected.server_sets ?? []) {
    let node: Node = configuration;
    for (const key of path.slice(0, -1)) {
      node[key] ??= {};
      node = node[key] as Node;
    }
    node[path.at(-1) ?? ""] = value;
  }
  return configuration;
};

const runs = configurationCases().filter(({ expected }) => expected.server_sets);

describe("withServerDefaults() as the reference", () => {
  test.each(runs)("$name", ({ expected }) => {
    const configuration = RunConfiguration.parse(expected.configuration);
    expect(withServerDefaults(configuration)).toEqual(filled(expected) as RunConfiguration);
  });
});

const fleets = configurationCases().filter(({ expected }) => expected.requirements);

describe("getFleetRequirements() as the reference", () => {
  test.each(fleets)("$name", ({ expected }) => {
    const fleet = AnyConfiguration.parse(expected.configuration);
    if (fleet.type !== "fleet") throw new Error(`a ${fleet.type}`);
    expect<unknown>(getFleetRequirements(fleet)).toEqual(expected.requirements);
  });
});

test("getRequirements() takes the placement of the profile where the run has none", () => {
  const task = RunConfiguration.parse({ type: "task", commands: ["x"], nodes: 2, max_price: 3 });
  const profile = Profile.parse({ name: "p", spot_policy: "auto", max_price: 1 });
  expect(getRequirements(task, profile)).toMatchObject({ spot: null, max_price: 3, multinode: true });
  expect(getRequirements(task, null)).toMatchObject({ spot: false, max_price: 3 });
});
