import { expect, test } from "bun:test";
import { parseYaml } from "../yaml/parse.ts";
import { loadConfiguration } from "./load.ts";
import type { RunOverrides } from "./overrides.ts";
import { Profile } from "./profile.ts";
import { traceValues } from "./trace.ts";

const trace = (text: string, overrides: RunOverrides = {}, profile: object | null = null) => {
  const traced = traceValues({
    configuration: loadConfiguration(text, { path: "x.yml" }),
    document: parseYaml(text),
    overrides,
    profile: profile && Profile.parse(profile),
  });
  return Object.fromEntries(
    traced.map(({ property, value, source, position }) => [
      property,
      [value, position ? `${source}:${position.line}` : source],
    ]),
  );
};

test("traceValues() says of every value whether a flag, the file, the profile or nobody gave it", () => {
  const text = `type: task
name: train
commands: [x]
env: [A=1, B]
max_duration: true
spot_policy: spot
resources:
  gpu: {name: H100}
  cpu: 4..
  memory: 16GB
`;
  const overrides: RunOverrides = {
    env: { A: "2" },
    resources: { memory: { min: 32, max: null } },
    placement: { max_price: 3 },
  };
  const traced = trace(text, overrides, { max_duration: "1h", spot_policy: "auto", regions: ["eu"] });
  expect(traced).toMatchObject({
    name: ["train", "file:2"],
    "env.A": ["2", "flag"],
    "env.B": [{ key: "B" }, "file:4"],
    max_duration: [3600, "profile"],
    regions: [["eu"], "profile"],
    spot_policy: ["spot", "file:6"],
    max_price: [3, "flag"],
    "resources.gpu.name": [["H100"], "file:8"],
    "resources.gpu.vendor": ["nvidia", "default"],
    "resources.cpu": [{ arch: null, count: { min: 4, max: null } }, "file:9"],
    "resources.memory": [{ min: 32, max: null }, "flag"],
    "resources.disk": [{ size: { min: 100, max: null } }, "default"],
    priority: [0, "default"],
    nodes: [1, "default"],
  });
});

test("traceValues() of what is no run has no flags, and of a fleet the profile", () => {
  expect(trace("type: volume\nbackend: aws\nregion: r\n")).toMatchObject({
    region: ["r", "file:3"],
    size: [null, "default"],
  });
  expect(trace("type: dev-environment\n")).toMatchObject({
    "resources.memory": [{ min: 8, max: null }, "default"],
  });
  expect(trace("type: fleet\nnodes: 2\n", {}, { max_price: 1, max_duration: 9 })).toMatchObject({
    nodes: [{ min: 2, max: 2 }, "file:2"],
    max_price: [1, "profile"],
  });
});

test("traceValues() finds groups under either name", () => {
  const text = "type: service\nport: 80\ngroups: [{commands: [x], replicas: 1}]\n";
  expect(trace(text)["replicas"]?.[1]).toBe("file:3");
});
