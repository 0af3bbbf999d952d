import { describe, expect, test } from "bun:test";
import { Ajv, type ValidateFunction } from "ajv";
import type { JsonSchema } from "../schema/form.ts";
import { IntegralFloat } from "../schema/scalar.ts";
import { configurationCases, type GoldenError } from "../testing/golden.ts";
import { parseYaml } from "../yaml/parse.ts";
import { loadConfiguration } from "./load.ts";
import { ConfigurationError } from "./problems.ts";
import { FILE_KINDS, type FileKind, fileSchema } from "./schemas.ts";

// Unions of types and our own titles are meant.
const ajv = new Ajv({ strict: true, strictTypes: false, strictTuples: false, strictRequired: false });
for (const kind of FILE_KINDS) ajv.addSchema(fileSchema(kind), `${kind}.json`);
const validators = new Map<FileKind, ValidateFunction>(
  FILE_KINDS.flatMap((kind) => {
    const validate = ajv.getSchema(`${kind}.json`);
    return validate ? [[kind, validate as ValidateFunction] as const] : [];
  }),
);

/** As editors see it. */
const plain = (text: string): unknown =>
  JSON.parse(
    JSON.stringify(parseYaml(text).value, (_key, value: unknown) =>
      value instanceof IntegralFloat ? value.value : typeof value === "bigint" ? Number(value) : value,
    ),
  );

const errorsOf = (kind: FileKind, value: unknown): unknown[] => {
  const validate = validators.get(kind);
  return validate?.(value) ? [] : (validate?.errors ?? ["no validator"]);
};

const isValid = (text: string): boolean => {
  try {
    loadConfiguration(text, { path: "x.yml" });
    return true;
  } catch (err) {
    if (err instanceof ConfigurationError) return false;
    throw err;
  }
};

const cases = configurationCases();

describe("the schemas accept what we read", () => {
  test.each(cases.filter(({ text }) => isValid(text)))("$name", ({ text, expected }) => {
    const value = plain(text);
    expect(errorsOf("configuration", value)).toEqual([]);
    const { type } = value as { type: FileKind };
    expect(errorsOf(type, value)).toEqual([]);
    for (const profiles of [expected.given?.profiles, expected.given?.global_profiles]) {
      if (profiles && expected.valid) expect(errorsOf("profiles", profiles)).toEqual([]);
    }
  });
});

/** What is wrong with one property by itself. */
const isLocal = ({ kind, loc }: GoldenError) =>
  ["unknown_property", "wrong_type", "missing"].includes(kind) && loc.length > 1;

/** Refused by rules that no schema can say. */
const BEYOND = new Set([
  "114-task-cpu-float", // JSON knows no difference between 4.0 and 4
  "198-task-repos-no-source", // of several properties
  "246-task-yaml-date", // JSON has no dates
  "375-service-groups-count-missing", // of several properties
  "376-service-groups-range-without-scaling", // of several properties
]);

const refused = cases.filter(
  ({ name, text, expected: { stage, errors = [] } }) =>
    stage === "parse" && errors.every(isLocal) && errors.length > 0 && !isValid(text) && !BEYOND.has(name),
);

describe("the schemas refuse unknown, missing and mistyped properties", () => {
  test.each(refused)("$name", ({ text }) => {
    expect(errorsOf("configuration", plain(text))).not.toBeEmpty();
  });
});

const walk = (json: JsonSchema, path: string, visit: (json: JsonSchema, path: string) => void) => {
  visit(json, path);
  for (const [key, property] of Object.entries((json["properties"] ?? {}) as Record<string, JsonSchema>)) {
    walk(property, `${path}.${key}`, visit);
  }
  for (const branch of (json["anyOf"] ?? []) as JsonSchema[]) walk(branch, path, visit);
  if (json["items"]) walk(json["items"] as JsonSchema, `${path}[]`, visit);
};

test.each(FILE_KINDS)("every property of a %s is described", (kind) => {
  const silent = new Set<string>();
  walk(fileSchema(kind), kind, (json, path) => {
    const properties = (json["properties"] ?? {}) as Record<string, JsonSchema>;
    // The two ends of a range speak for themselves.
    if (Object.keys(properties).join() === "min,max") return;
    for (const [key, property] of Object.entries(properties)) {
      if (typeof property["description"] !== "string") silent.add(`${path}.${key}`);
    }
  });
  expect([...silent]).toEqual([]);
});
