import type { z } from "zod";
import { field, object } from "../schema/field.ts";
import { accepts, listOf, TEXT } from "../schema/form.ts";
import { type Finding, Refusal, refuse, under } from "../schema/refusal.ts";
import { isMapping, parseText, quote } from "../schema/scalar.ts";
import { oneShape, refuseShape } from "../schema/union.ts";

/** Stands for a variable of the client's environment; it is resolved before submission. */
export interface EnvPlaceholder {
  key: string;
}
export type EnvVars = Record<string, string | EnvPlaceholder>;

/** `NAME=VALUE`, `NAME=`, or a bare `NAME` (docs/spec/configuration.md §1.5). */
export const parseEnvEntry = (input: unknown): [name: string, value: string | EnvPlaceholder] => {
  if (typeof input !== "string") return refuse("wrong_type", `Expected NAME=VALUE, got ${quote(input)}`);
  const [, name = "", rest] = /^([a-zA-Z_]\w*)(=.*)?$/.exec(input) ?? [];
  if (name === "" || input.includes("\n")) {
    return refuse(
      "invalid_value",
      `Expected NAME=VALUE, or NAME to take it from the environment, got ${quote(input)}`,
    );
  }
  return [name, rest === undefined ? { key: name } : rest.slice(1)];
};

/** Text that parses to this entry. */
export const printEnvEntry = (name: string, value: string | EnvPlaceholder): string =>
  typeof value === "string" ? `${name}=${value}` : name;

const gather = <T>(items: readonly T[], read: (item: T, index: number) => void) => {
  const findings: Finding[] = [];
  items.forEach((item, index) => {
    try {
      read(item, index);
    } catch (err) {
      if (!(err instanceof Refusal)) throw err;
      findings.push(...err.findings);
    }
  });
  if (findings.length > 0) throw new Refusal(findings);
};

const LIST = listOf({
  title: "NAME=VALUE",
  type: "string",
  pattern: "^[a-zA-Z_][a-zA-Z0-9_]*(=.*)?$",
});
const MAPPING = {
  title: "mapping",
  type: "object",
  additionalProperties: {
    anyOf: [
      TEXT,
      {
        type: "object",
        properties: { key: { ...TEXT, description: "The variable of the client's environment to take." } },
        required: ["key"],
        additionalProperties: false,
      },
    ],
  },
};

const parseList = accepts(LIST, (input: unknown): EnvVars => {
  if (!Array.isArray(input)) return refuseShape("a list of NAME=VALUE or a mapping", input);
  const values = new Map<string, string | EnvPlaceholder>();
  const twice: string[] = [];
  gather(input as unknown[], (item, index) => {
    const [name, value] = under([index], () => parseEnvEntry(item));
    if (values.has(name)) twice.push(name);
    values.set(name, value);
  });
  if (twice.length > 0) return refuse("conflict", `Set more than once: ${twice.join(", ")}`);
  return Object.fromEntries(values);
});

const Placeholder = object({ key: field(parseText) });

const parseMapping = accepts(MAPPING, (input: unknown): EnvVars => {
  if (!isMapping(input)) return refuseShape("a list of NAME=VALUE or a mapping", input);
  const values: [string, string | EnvPlaceholder][] = [];
  gather(Object.entries(input), ([name, value]) => {
    const isPlaceholder = isMapping(value) && Placeholder.safeParse(value).data;
    values.push([name, isPlaceholder || under([name], () => parseText(value))]);
  });
  return Object.fromEntries(values);
});

/** Names with values; unresolved ones as `{key}`. */
export const Env = oneShape([field(parseList), field(parseMapping)], (input) =>
  isMapping(input) ? 1 : 0,
).default(() => ({}));
export type Env = z.infer<typeof Env>;
