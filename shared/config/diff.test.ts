import { describe, expect, test } from "bun:test";
import { FleetSpec } from "../api/fleets.ts";
import { RunSpec } from "../api/runs.ts";
import { AnyConfiguration } from "./configuration.ts";
import { describeChanges, diffRuns, isUpdatable } from "./diff.ts";
import { diffFleets } from "./fleetDiff.ts";
import { diffGateways, diffVolumes } from "./resourceDiff.ts";

const bases = {
  task: { type: "task", name: "run", commands: ["x"] },
  "dev-environment": { type: "dev-environment", name: "run" },
  service: { type: "service", name: "run", image: "app", port: 80 },
} as const;

const spec = (configuration: object, rest: object = {}) => RunSpec.parse({ configuration, ...rest });

const diff = (before: object, after: object) => diffRuns(spec(before), spec(after));

const effectsOf = (type: keyof typeof bases, before: object, after: object) =>
  diff({ ...bases[type], ...before }, { ...bases[type], ...after }).map(({ property, effect }) => [
    property,
    effect,
  ]);

describe("diffRuns()", () => {
  test.each(Object.keys(bases) as (keyof typeof bases)[])("of any %s", (type) => {
    expect(effectsOf(type, {}, {})).toEqual([]);
    expect(effectsOf(type, {}, { priority: 3 })).toEqual([["priority", "none"]]);
    expect(effectsOf(type, { resources: { cpu: "x86:4" } }, { resources: { cpu: 4 } })).toEqual([
      ["resources", "none"],
    ]);
    for (const [key, value] of Object.entries({
      name: "other",
      max_price: 1,
      tags: { a: "b" },
      regions: ["eu"],
      dstack: true,
      repos: ["."],
      registry_auth: { username: "a", password: "b" },
    })) {
      expect(effectsOf(type, {}, { [key]: value })).toEqual([[key, "restart"]]);
    }
  });

  test.each([
    [{ resources: { cpu: 4 } }, { resources: { cpu: "x86:4" } }],
    [{ resources: { cpu: "x86:4" } }, { resources: { cpu: 8 } }],
    [{ resources: { cpu: "x86:4" } }, { resources: { cpu: 4, memory: 1 } }],
  ])("any other change of resources needs a new run: %j %j", (before, after) => {
    expect(effectsOf("task", before, after)).toEqual([["resources", "restart"]]);
  });

  test("of a task: commands, and of a dev environment: all but how long it may be left", () => {
    expect(effectsOf("task", {}, { commands: ["y"], env: ["A=1"] })).toEqual([
      ["env", "restart"],
      ["commands", "restart"],
    ]);
    expect(effectsOf("task", {}, { nodes: 2 })).toEqual([["nodes", "restart"]]);
    expect(effectsOf("dev-environment", {}, { inactivity_duration: "1h", init: ["a"] })).toEqual([
      ["init", "restart"],
      ["inactivity_duration", "none"],
    ]);
  });

  test("of a service", () => {
    expect(effectsOf("service", {}, { image: "b", commands: ["c"], port: 81, gateway: false })).toEqual(
      [
        ["image", "rolling"],
        ["port", "rolling"],
        ["gateway", "none"],
        ["commands", "rolling"],
      ].sort((a, b) => order.indexOf(a[0] ?? "") - order.indexOf(b[0] ?? "")),
    );
    expect(effectsOf("service", {}, { replicas: 2 })).toEqual([["replicas", "none"]]);
    expect(effectsOf("service", {}, { https: true })).toEqual([["https", "none"]]);
    expect(effectsOf("service", { https: false }, { https: true })).toEqual([["https", "restart"]]);
    for (const after of [
      { auth: false },
      { model: "m" },
      { strip_prefix: false },
      { rate_limits: [{ rps: 1 }] },
    ]) {
      expect(effectsOf("service", {}, after)).toEqual([[Object.keys(after)[0], "restart"]]);
    }
  });

  const groups = (...list: object[]) => ({
    replicas: list.map((group) => ({ commands: ["x"], count: 1, ...group })),
  });

  test.each([
    ["a size", [{ name: "a" }], [{ name: "a", count: 2 }], "none"],
    ["a command", [{ name: "a" }], [{ name: "a", commands: ["y"] }], "rolling"],
    ["a group more", [{ name: "a" }], [{ name: "a" }, { name: "b" }], "none"],
    ["a router more", [{ name: "a" }], [{ name: "a" }, { name: "b", router: {} }], "restart"],
    ["another router", [{ name: "a", router: {} }], [{ name: "a", router: { type: "dynamo" } }], "restart"],
    [
      "a moved router",
      [{ name: "a", router: {} }, { name: "b" }],
      [{ name: "a" }, { name: "b", router: {} }],
      "restart",
    ],
    [
      "beside sglang",
      [{ name: "a", router: {} }, { name: "b" }],
      [{ name: "a", router: {}, commands: ["y"] }, { name: "b" }],
      "rolling",
    ],
    [
      "a worker of dynamo",
      [{ name: "a", router: { type: "dynamo" } }, { name: "b" }],
      [
        { name: "a", router: { type: "dynamo" } },
        { name: "b", commands: ["y"] },
      ],
      "rolling",
    ],
    [
      "dynamo itself",
      [{ name: "a", router: { type: "dynamo" } }, { name: "b" }],
      [{ name: "a", router: { type: "dynamo" }, commands: ["y"] }, { name: "b" }],
      "restart",
    ],
  ] as const)("of replica groups: %s", (_what, before, after, effect) => {
    expect(effectsOf("service", groups(...before), groups(...after))).toEqual([["replicas", effect]]);
  });

  test("what all groups share stays as it is beside a dynamo router", () => {
    const both = groups({ name: "a", router: { type: "dynamo" } }, { name: "b" });
    expect(effectsOf("service", both, { ...both, env: ["A=1"] })).toEqual([["env", "restart"]]);
  });

  const archive = (id: string) => ({ id: `00000000-0000-4000-8000-00000000000${id}`, path: "/x" });

  test("of files: where they came from does not matter, what is in them does", () => {
    const files = (path: string, id: string) => ({
      configuration: { ...bases.task, files: [`${path}:/x`] },
      file_archives: [archive(id)],
    });
    const change = (a: object, b: object) =>
      diffRuns(RunSpec.parse(a), RunSpec.parse(b)).map(({ field, property, effect }) => [
        property ?? field,
        effect,
      ]);
    expect(change(files("aa", "1"), files("bb", "1"))).toEqual([["files", "none"]]);
    expect(change(files("aa", "1"), files("aa", "2"))).toEqual([["file_archives", "restart"]]);
    const served = (id: string) => ({ configuration: bases.service, file_archives: [archive(id)] });
    expect(change(served("1"), served("2"))).toEqual([["file_archives", "rolling"]]);
  });
});

const order = Object.keys(spec(bases.service).configuration);

describe("describeChanges()", () => {
  test("lists what is different, and isUpdatable() sums it up", () => {
    const before = spec(bases.task, { configuration_path: "a", profile: { name: "p", max_price: 1 } });
    const after = spec(
      { ...bases.task, priority: 1, commands: ["y"] },
      { configuration_path: "b", profile: { name: "p", max_price: 2 }, ssh_key_pub: "ssh-ed25519 A" },
    );
    const changes = diffRuns(before, after);
    expect(describeChanges(changes)).toEqual([
      "- Configuration path",
      "- Public SSH key",
      "- Configuration properties:",
      "  - priority",
      "  - commands",
      "- Profile properties:",
      "  - max_price",
    ]);
    expect(isUpdatable(changes)).toBe(false);
    expect(isUpdatable(diff(bases.task, { ...bases.task, priority: 1 }))).toBe(true);
  });

  test("says only that the type or the profile is another", () => {
    expect(describeChanges(diff(bases.task, bases["dev-environment"]))).toEqual(["- Configuration type"]);
    const none = spec(bases.task);
    expect(describeChanges(diffRuns(none, spec(bases.task, { profile: { max_price: 1 } })))).toEqual([
      "- Profile",
    ]);
    expect(diffRuns(none, spec(bases.task, { profile: { name: "default" } }))).toEqual([]);
  });
});

const read = <const T extends string>(configuration: { type: T; [property: string]: unknown }) =>
  AnyConfiguration.parse(configuration) as Extract<AnyConfiguration, { type: T }>;
const effects = (changes: readonly { property?: string; effect: string }[]) =>
  changes.map(({ property, effect }) => [property, effect]);

describe("what is not a run", () => {
  const fleet = (configuration: object) =>
    FleetSpec.parse({ configuration: { type: "fleet", ...configuration }, profile: { name: "default" } });
  const cloud = (more: object) => fleet({ nodes: 1, ...more });
  const ssh = (...hosts: unknown[]) => fleet({ ssh_config: { user: "u", identity_file: "~/k", hosts } });

  test("diffFleets()", () => {
    expect(effects(diffFleets(cloud({}), cloud({ nodes: 2, max_price: 1 })))).toEqual([
      ["nodes", "none"],
      ["max_price", "none"],
    ]);
    expect(effects(diffFleets(cloud({}), cloud({ idle_duration: 1, blocks: 2 })))).toEqual([
      ["blocks", "restart"],
      ["idle_duration", "restart"],
    ]);
    expect(effects(diffFleets(ssh("a", "b"), ssh("b", "c")))).toEqual([["ssh_config", "none"]]);
    expect(effects(diffFleets(ssh("a"), ssh({ hostname: "a", identity_file: "~/other" })))).toEqual([
      ["ssh_config", "none"],
    ]);
    expect(effects(diffFleets(ssh("a"), ssh({ hostname: "a", port: 2 })))).toEqual([
      ["ssh_config", "restart"],
    ]);
    expect(isUpdatable(diffFleets(ssh("a"), cloud({})))).toBe(false);
    expect(effects(diffFleets(cloud({}), cloud({ name: "made-up", default_image: "lab/base:1" })))).toEqual([
      ["default_image", "none"],
    ]);
  });

  test("diffGateways() and diffVolumes()", () => {
    const gateway = (more: object) => read({ type: "gateway", backend: "aws", region: "r", ...more });
    expect(
      effects(diffGateways(gateway({ default: true }), gateway({ domain: "d", public_ip: false }))),
    ).toEqual([
      ["domain", "none"],
      ["public_ip", "restart"],
    ]);
    const volume = (size: number) => read({ type: "volume", backend: "aws", region: "r", size });
    expect(effects(diffVolumes(volume(1), volume(2)))).toEqual([["size", "restart"]]);
  });
});
