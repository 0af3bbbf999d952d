import type { z } from "zod";

/** A fragment of JSON Schema, draft 7. `title` is how documentation calls the type. */
export type JsonSchema = Record<string, unknown>;

/** What a parser or schema accepts, as editors may know it. Of a schema made of others: from theirs. */
export type Form = JsonSchema | ((toJson: (schema: z.ZodType) => JsonSchema) => JsonSchema);

/** Marks a property that schemas need and files do not: a group without a name gets its number. */
export const OPTIONAL = "x-optional";

const forms = new WeakMap<object, Form>();
const texts = new WeakMap<object, Readonly<Record<string, string>>>();

/** Says what a parse function or a schema accepts, where that cannot be seen from outside. */
export const accepts = <S extends object>(form: Form, subject: S): S => {
  forms.set(subject, form);
  return subject;
};

export const formOf = (subject: object): Form | undefined => forms.get(subject);

/** Says of a schema what its properties are. */
export const setTexts = (schema: object, about: Readonly<Record<string, string | undefined>>) => {
  const said = Object.entries(about).filter((entry): entry is [string, string] => entry[1] !== undefined);
  texts.set(schema, Object.fromEntries(said));
};

export const textsOf = (schema: object): Readonly<Record<string, string>> => texts.get(schema) ?? {};

/** Text that is one of these words, in any case. */
export const anyCase = (words: readonly string[]): string => {
  const letter = (char: string) => (/[a-z]/.test(char) ? `[${char}${char.toUpperCase()}]` : char);
  return `^(${words.map((word) => [...word].map(letter).join("")).join("|")})$`;
};

export const TEXT: JsonSchema = { title: "text", type: ["string", "number"] };

/** One of several forms. */
export const either = (title: string, ...forms: readonly JsonSchema[]): JsonSchema => ({
  title,
  anyOf: forms,
});

export const listOf = (items: JsonSchema, more: JsonSchema = {}): JsonSchema => ({
  title: `list of ${String(items["title"] ?? "values")}`,
  type: "array",
  items,
  ...more,
});

/** How texts write a reference. */
export const reference = (name: string): string => `\`\${{ ${name} }}\``;
