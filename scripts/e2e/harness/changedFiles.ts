import { configurationCases, goldenList } from "../../../shared/testing/golden.ts";

/** Kinds of values.json that a property has under another name. */
const KINDS: Readonly<Record<string, string>> = {
  count: "gpu_count",
  total_memory: "memory",
  ports: "port_mapping",
  port: "service_port",
  size: "volume_size",
  volumes: "volume_mount",
  files: "file_mapping",
  repos: "repo",
  fleets: "fleet_reference",
  instances: "instance_selector",
  privileged: "boolean",
  auth: "boolean",
  docker: "boolean",
  name: "string",
  image: "string",
  region: "string",
  timeout: "duration",
  interval: "duration",
  scale_up_delay: "duration",
  gateway: "gateway_reference",
  url: "probe_url",
  prefix: "rate_limit_prefix",
};

interface Value {
  kind: string;
  input: string;
}

const PROPERTY = /^(\s*(?:- )?)(\w+):(?: (.*))?$/;

/**
 * Golden files with other values for their properties, further properties, and lines left out. `random` gives numbers
 * from 0 to 1.
 */
export const changedFiles = (count: number, random: () => number): { name: string; text: string }[] => {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const values = (goldenList("values.json") as Value[]).filter(({ input }) => !input.includes("\n"));
  const byKind = Map.groupBy(values, ({ kind }) => kind);
  const texts = configurationCases().flatMap(({ text, expected }) =>
    expected.stage === "parse" ? [] : [text],
  );
  const keys = [
    ...new Set(texts.flatMap((text) => [...text.matchAll(/^\s*(\w+):/gm)].map(([, key = ""]) => key))),
  ];
  const valueFor = (key: string): string => {
    const fitting = byKind.get(key) ?? byKind.get(KINDS[key] ?? "");
    return pick(fitting && random() < 0.75 ? fitting : values).input;
  };

  const change = (text: string): string => {
    const lines = text.split("\n");
    const at = Math.floor(random() * lines.length);
    const [, start, key, value] = PROPERTY.exec(lines[at] ?? "") ?? [];
    if (start === undefined || key === undefined || key === "type") return text;
    const dice = random();
    const added = pick(keys);
    const indent = start.replace("-", " ");
    if (dice < 0.6) lines[at] = `${start}${key}: ${valueFor(key)}`;
    else if (dice < 0.8) lines.splice(value ? at + 1 : at, 0, `${indent}${added}: ${valueFor(added)}`);
    else if (dice < 0.9) lines.splice(at, 1);
    else lines[at] = `${start}${added}: ${value ?? ""}`;
    return lines.join("\n");
  };

  return Array.from({ length: count }, (_, index) => {
    const once = change(pick(texts));
    return { name: String(index), text: random() < 0.3 ? change(once) : once };
  });
};
