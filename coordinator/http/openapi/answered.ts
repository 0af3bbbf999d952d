import type { JsonSchema } from "../../../shared/schema/form.ts";

type Keep = (key: string, value: unknown) => boolean;

/** A schema and all within it, without some of their keywords. Properties are no keywords, whatever their names. */
const keepOnly = (json: unknown, keep: Keep): unknown => {
  if (Array.isArray(json)) return json.map((value) => keepOnly(value, keep));
  if (typeof json !== "object" || json === null) return json;
  return Object.fromEntries(
    Object.entries(json)
      .filter(([key, value]) => keep(key, value))
      .map(([key, value]) => [key, key === "properties" ? ofEach(value, keep) : keepOnly(value, keep)]),
  );
};

const ofEach = (properties: object, keep: Keep) =>
  Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, keepOnly(schema, keep)]));

/**
 * A schema as it describes an answer: without defaults, as nothing is left out, and without the bounds of any integer.
 * Unless it is strict, answers may have more fields than are known, as those of a newer coordinator do.
 */
export const asAnswered = (schema: JsonSchema, { isStrict }: { isStrict: boolean }): JsonSchema =>
  keepOnly(
    schema,
    (key, value) =>
      key !== "default" &&
      !(key === "minimum" && value === Number.MIN_SAFE_INTEGER) &&
      !(key === "maximum" && value === Number.MAX_SAFE_INTEGER) &&
      !(key === "additionalProperties" && value === false && !isStrict),
  ) as JsonSchema;
