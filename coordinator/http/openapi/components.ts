import type { z } from "zod";
import type { JsonSchema } from "../../../shared/schema/form.ts";
import { type Side, toJsonModels } from "../../../shared/schema/jsonSchema.ts";
import { asAnswered } from "./answered.ts";
import { LANGUAGE, modelsByName } from "./models.ts";

const PREFIX = "#/components/schemas/";

/** Ends the address of a model as it is sent, until it is known whether it differs from the one that is answered. */
const SENT = "Input";

/** What stands for a schema where it is used. */
type Refer = (schema: z.ZodType) => JsonSchema;
type Bodies = Map<string, JsonSchema>;

/** All models of one side, by their addresses; `roots` are schemas without a name. */
const modelsOf = (side: Side, roots: Iterable<z.ZodType>): { refer: Refer; bodies: Bodies } => {
  const addresses = new Map<z.ZodType, string>();
  for (const [name, schema] of Object.entries(LANGUAGE)) addresses.set(schema, PREFIX + name);
  const suffix = side === "input" ? SENT : "";
  for (const [name, schema] of modelsByName())
    if (!addresses.has(schema)) addresses.set(schema, `${PREFIX}${name}${suffix}`);
  for (const schema of roots) if (!addresses.has(schema)) addresses.set(schema, `root ${addresses.size}`);
  const all = toJsonModels({ addresses, side });
  const refer: Refer = (schema) => {
    const address = addresses.get(schema) ?? "";
    return address.startsWith(PREFIX) ? { $ref: address } : (all.get(address) ?? {});
  };
  return { refer, bodies: new Map([...all].filter(([address]) => address.startsWith(PREFIX))) };
};

interface Wanted {
  sent: Iterable<z.ZodType>;
  answered: Iterable<z.ZodType>;
  /** A field that is not in its model is wrong, in answers too. */
  isStrict: boolean;
}

interface Models {
  sent: Refer;
  answered: Refer;
  bodies: Bodies;
}

/** What is sent and what is answered, each model once for each side. */
export const makeModels = ({ sent, answered, isStrict }: Wanted): Models => {
  const input = modelsOf("input", sent);
  const output = modelsOf("output", answered);
  const tidy = (json: JsonSchema) => asAnswered(json, { isStrict });
  const bodies = new Map([...output.bodies].map(([address, json]) => [address, tidy(json)]));
  // Of the language there is one side only: answers give it in a form in which it may be sent again.
  for (const [address, json] of input.bodies) bodies.set(address, json);
  return { sent: input.refer, answered: (schema) => tidy(output.refer(schema)), bodies };
};

const REFERENCE = /"\$ref":"(#\/components\/schemas\/[^"]+)"/g;

/** The models that a document refers to, directly or not. */
const reachableFrom = (document: unknown, bodies: Bodies): Set<string> => {
  const found = new Set<string>();
  const visit = (json: unknown) => {
    for (const [, address = ""] of JSON.stringify(json).matchAll(REFERENCE)) {
      if (found.has(address)) continue;
      found.add(address);
      visit(bodies.get(address) ?? {});
    }
  };
  visit(document);
  return found;
};

/** Sent models that can go by the plain name, for the answered one is not there, or says just the same. */
const plainNames = (used: ReadonlySet<string>, bodies: Bodies): Set<string> => {
  const plain = new Set(
    [...used].filter((address) => address.endsWith(SENT)).map((address) => address.slice(0, -SENT.length)),
  );
  for (;;) {
    const differs = [...plain].filter(
      (address) =>
        used.has(address) &&
        renamed(bodies.get(address + SENT), plain) !== JSON.stringify(bodies.get(address)),
    );
    if (differs.length === 0) return plain;
    for (const address of differs) plain.delete(address);
  }
};

const renamed = (json: unknown, plain: ReadonlySet<string>): string =>
  JSON.stringify(json).replace(REFERENCE, (text, address: string) =>
    address.endsWith(SENT) && plain.has(address.slice(0, -SENT.length))
      ? `"$ref":"${address.slice(0, -SENT.length)}"`
      : text,
  );

/** The document with those of its models that it needs, by their names. */
export const withComponents = <T extends object>(
  document: T,
  bodies: Bodies,
): { document: T; schemas: Record<string, JsonSchema> } => {
  const used = reachableFrom(document, bodies);
  const plain = plainNames(used, bodies);
  const schemas = new Map<string, JsonSchema>();
  for (const address of [...used].sort()) {
    const base = address.endsWith(SENT) ? address.slice(0, -SENT.length) : address;
    const name = (plain.has(base) ? base : address).slice(PREFIX.length);
    schemas.set(name, JSON.parse(renamed(bodies.get(address), plain)) as JsonSchema);
  }
  return {
    document: JSON.parse(renamed(document, plain)) as T,
    schemas: Object.fromEntries([...schemas].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
};
