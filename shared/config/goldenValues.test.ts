import { describe, expect, test } from "bun:test";
import { at } from "../schema/union.ts";
import { DIFFERENT } from "../testing/differences.ts";
import { goldenList } from "../testing/golden.ts";
import { parseYaml, YamlSyntaxError } from "../yaml/parse.ts";
import { AnyConfiguration } from "./configuration.ts";
import { nextCronTime } from "./cron.ts";
import { isResourceName } from "./names.ts";

interface Case {
  kind: string;
  input: string;
  ok: boolean;
  parsed: unknown;
  /** The next three times after 10:07:30 on 14 January 2026. */
  next?: string[];
  "in 0.22"?: { ok: boolean; parsed: unknown };
}

type Path = (string | number)[];

/** A configuration that holds a value at a path. */
const holding =
  (base: object, ...path: Path) =>
  (value: unknown): { configuration: unknown; path: Path } => ({
    configuration: {
      ...base,
      ...(path.reduceRight<unknown>(
        (inner, key) => (typeof key === "number" ? [inner] : { [key]: inner }),
        value,
      ) as object),
    },
    path,
  });

const task = (...path: Path) => holding({ type: "task", commands: ["x"] }, ...path);
const service = (...path: Path) => holding({ type: "service", image: "x", port: 80 }, ...path);
const fleet = (...path: Path) => holding({ type: "fleet" }, ...path);
const volume = (...path: Path) => holding({ type: "volume", backend: "aws", region: "r" }, ...path);

const within =
  (
    place: (value: unknown) => { configuration: unknown; path: Path },
    wrap: (value: unknown) => unknown,
    ...inner: Path
  ) =>
  (value: unknown) => {
    const { configuration, path } = place(wrap(value));
    return { configuration, path: [...path, ...inner] };
  };

const rpsLimit = { rps: 1 };
const scaling = { metric: "rps", target: 1 };

const PLACES: Record<string, (value: unknown) => { configuration: unknown; path: Path }> = {
  gpu: task("resources", "gpu"),
  gpu_count: task("resources", "gpu", "count"),
  compute_capability: task("resources", "gpu", "compute_capability"),
  cpu: task("resources", "cpu"),
  memory: task("resources", "memory"),
  shm_size: task("resources", "shm_size"),
  disk: task("resources", "disk"),
  max_duration: task("max_duration"),
  stop_duration: task("stop_duration"),
  idle_duration: task("idle_duration"),
  duration: task("retry", "duration"),
  inactivity_duration: holding({ type: "dev-environment" }, "inactivity_duration"),
  time_window: within(
    task("utilization_policy"),
    (time_window) => ({ min_gpu_utilization: 1, time_window }),
    "time_window",
  ),
  port_mapping: task("ports", 0),
  service_port: service("port"),
  volume_mount: task("volumes", 0),
  file_mapping: task("files", 0),
  repo: task("repos", 0),
  python: task("python"),
  user: task("user"),
  shell: task("shell"),
  priority: task("priority"),
  env: task("env"),
  env_value: task("env", "A"),
  env_entry: within(task("env"), (entry) => [entry]),
  tags: task("tags"),
  retry: task("retry"),
  spot_policy: task("spot_policy"),
  max_price: task("max_price"),
  fleet_reference: task("fleets", 0),
  instance_selector: task("instances", 0),
  boolean: task("privileged"),
  string: task("reservation"),
  group_name: within(task("groups"), (name) => [{ name, commands: ["x"] }], 0, "name"),
  cron: task("schedule", "cron"),
  replicas: (value) => holding({ type: "service", image: "x", port: 80, scaling }, "replicas")(value),
  fixed_replicas: service("replicas"),
  gateway_reference: service("gateway"),
  model: service("model"),
  rate_limit_prefix: within(service("rate_limits"), (prefix) => [{ ...rpsLimit, prefix }], 0, "prefix"),
  probe_url: within(service("probes"), (url) => [{ type: "http", url }], 0, "url"),
  https: service("https"),
  nodes: fleet("nodes"),
  blocks: fleet("blocks"),
  network: within(fleet("ssh_config"), (network) => ({ hosts: [], network }), "network"),
  internal_ip: within(
    fleet("ssh_config"),
    (internal_ip) => ({ hosts: [{ hostname: "h", internal_ip }] }),
    "hosts",
    0,
    "internal_ip",
  ),
  volume_size: volume("size"),
  auto_cleanup_duration: volume("auto_cleanup_duration"),
};

/** A task of groups has no commands of its own. */
const withoutCommands = (configuration: unknown): unknown => {
  const { commands, ...rest } = configuration as { commands?: unknown; groups?: unknown };
  return rest.groups === undefined ? configuration : rest;
};

const inputValue = (input: string): unknown => (parseYaml(`key:\n  ${input}`).value as { key: unknown }).key;

const read = (place: (value: unknown) => { configuration: unknown; path: Path }, input: string) => {
  const { configuration, path } = place(inputValue(input));
  const result = AnyConfiguration.safeParse(withoutCommands(configuration));
  return result.success ? { value: at(result.data, path) } : undefined;
};

const golden = (goldenList("values.json") as Case[]).map((value) => ({ ...value, ...value["in 0.22"] }));
const values = golden.filter(({ kind }) => kind in PLACES);

describe("values are read as the reference reads them", () => {
  for (const { kind, input, ok, parsed } of values) {
    const place = PLACES[kind] ?? task();
    const name = `${kind}: ${input}`;
    test(name, () => {
      if (!ok && input.startsWith("*")) expect(() => inputValue(input)).toThrow(YamlSyntaxError);
      else expect(read(place, input)).toEqual(ok && !(name in DIFFERENT) ? { value: parsed } : undefined);
    });
  }

  test("every kind of golden value is tested", () => {
    const elsewhere = ["yaml", "interpolation", "name"];
    expect(golden.filter(({ kind }) => !(kind in PLACES) && !elsewhere.includes(kind))).toEqual([]);
  });
});

const names = golden.filter(({ kind }) => kind === "name");

describe("isResourceName() as the reference", () => {
  test.each(names)("$input", ({ input, ok }) => {
    const name = inputValue(input);
    expect(typeof name === "string" && isResourceName(name)).toBe(ok && !(`name: ${input}` in DIFFERENT));
  });
});

const crons = golden.filter(({ next }) => next);

describe("nextCronTime() as the reference", () => {
  test.each(crons)("$input", ({ parsed, next }) => {
    const times: string[] = [];
    let after = Date.parse("2026-01-14T10:07:30Z");
    for (let time = nextCronTime(parsed as string[], after); time !== undefined && times.length < 3; ) {
      times.push(new Date(time).toISOString().replace(".000", ""));
      after = time;
      time = nextCronTime(parsed as string[], after);
    }
    expect(times).toEqual(next ?? []);
  });
});
