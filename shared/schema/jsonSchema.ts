import { z } from "zod";
import { formOf, type JsonSchema, OPTIONAL, textsOf } from "./form.ts";

const isObject = (schema: z.core.$ZodType): schema is z.core.$ZodObject => schema._zod.def.type === "object";

const clear = (json: JsonSchema) => {
  for (const key of Object.keys(json)) delete json[key];
};

/** What is required, what holds without it, and what it is. */
const describeProperties = (json: JsonSchema, schema: z.core.$ZodObject) => {
  const properties = (json["properties"] ?? {}) as Record<string, JsonSchema>;
  const required: string[] = [];
  const texts = textsOf(schema);
  for (const [key, property] of Object.entries(properties)) {
    const { [OPTIONAL]: isOptional, default: _default, ...rest } = property;
    const absent = (schema._zod.def.shape[key] as z.ZodType | undefined)?.safeParse(undefined);
    if (absent && !absent.success && !isOptional) required.push(key);
    const text = texts[key];
    properties[key] = {
      ...rest,
      ...(text !== undefined && { description: text }),
      ...(absent?.success && (absent.data ?? null) !== null && { default: absent.data }),
    };
  }
  if (required.length > 0) json["required"] = required;
};

/** Marks what is made of an object until all is made: zod builds parents before children, and shares what is equal. */
const OBJECT = "x-object";

const finish = (json: unknown, objects: readonly z.core.$ZodObject[]): void => {
  if (typeof json !== "object" || json === null) return;
  for (const value of Object.values(json)) finish(value, objects);
  const node = json as JsonSchema;
  const object = typeof node[OBJECT] === "number" ? objects[node[OBJECT]] : undefined;
  if (!object) return;
  delete node[OBJECT];
  describeProperties(node, object);
};

/** What may be written for a schema of ours, as JSON Schema draft 7. */
export const toJson = (schema: z.ZodType): JsonSchema => {
  const objects: z.core.$ZodObject[] = [];
  const { $schema: _draft, ...json } = z.toJSONSchema(schema, {
    io: "input",
    target: "draft-07",
    unrepresentable: ({ zodSchema, message }) => {
      const form = formOf(zodSchema);
      if (!form) throw new Error(`${message}: say what it accepts`);
      return typeof form === "function" ? form(toJson) : form;
    },
    override: ({ zodSchema, jsonSchema }) => {
      const json = jsonSchema as JsonSchema;
      if (isObject(zodSchema)) json[OBJECT] = objects.push(zodSchema) - 1;
      const shorthand = formOf(zodSchema);
      if (!shorthand || zodSchema._zod.def.type === "transform") return;
      if (zodSchema._zod.def.type !== "pipe") {
        Object.assign(json, shorthand);
        return;
      }
      const mapping = { ...json };
      const form = typeof shorthand === "function" ? shorthand(toJson) : shorthand;
      clear(json);
      Object.assign(json, { title: form["title"], anyOf: [form, mapping] });
    },
  }) as JsonSchema;
  finish(json, objects);
  return json;
};
