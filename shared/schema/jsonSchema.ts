import { z } from "zod";
import { formOf, type JsonSchema, OPTIONAL, textsOf } from "./form.ts";

/** What may be written for a schema, or what comes out of it. */
export type Side = "input" | "output";

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

type Convert = (schema: z.ZodType) => JsonSchema;
type Hooks = Pick<z.core.ToJSONSchemaParams, "io" | "unrepresentable" | "override">;

/** Puts what parsers and shorthands accept into what zod knows by itself. Objects are left for `finish`. */
const inputHooks = (convert: Convert, objects: z.core.$ZodObject[]): Hooks => ({
  io: "input",
  unrepresentable: ({ zodSchema, message }) => {
    const form = formOf(zodSchema);
    if (!form) throw new Error(`${message}: say what it accepts`);
    return typeof form === "function" ? form(convert) : form;
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
    const form = typeof shorthand === "function" ? shorthand(convert) : shorthand;
    clear(json);
    Object.assign(json, { title: form["title"], anyOf: [form, mapping] });
  },
});

/** What may be written for a schema of ours, as JSON Schema draft 7. */
export const toJson = (schema: z.ZodType): JsonSchema => {
  const objects: z.core.$ZodObject[] = [];
  const { $schema: _draft, ...json } = z.toJSONSchema(schema, {
    ...inputHooks(toJson, objects),
    target: "draft-07",
  }) as JsonSchema;
  finish(json, objects);
  return json;
};

export interface Models {
  /** The schemas, each with the address at which the others refer to it. */
  addresses: ReadonlyMap<z.ZodType, string>;
  side: Side;
}

/** Many schemas that refer to each other, as JSON Schema 2020-12 by their addresses. */
export const toJsonModels = ({ addresses, side }: Models): ReadonlyMap<string, JsonSchema> => {
  const objects: z.core.$ZodObject[] = [];
  const registry = z.registry<{ id: string }>();
  for (const [schema, id] of addresses) registry.add(schema, { id });
  const convert: Convert = (schema) => {
    const address = addresses.get(schema);
    return address === undefined ? toJson(schema) : { $ref: address };
  };
  const { schemas } = z.toJSONSchema(registry, {
    // What a parser gives cannot be seen: such schemas are described by what they accept, which includes it.
    ...(side === "input"
      ? inputHooks(convert, objects)
      : { io: "output", unrepresentable: ({ zodSchema }) => knownForm(zodSchema, convert) }),
    target: "draft-2020-12",
    uri: (id) => id,
  });
  return new Map(
    Object.entries(schemas).map(([id, schema]) => {
      const { $schema: _draft, $id: _id, ...json } = schema as JsonSchema;
      finish(json, objects);
      return [id, json] as const;
    }),
  );
};

const knownForm = (schema: object, convert: Convert): JsonSchema => {
  const form = formOf(schema) ?? {};
  return typeof form === "function" ? form(convert) : form;
};
