import { z } from "zod";
import { accepts, type Form, formOf, type JsonSchema, setTexts } from "./form.ts";
import { type Finding, type Path, type ProblemKind, Refusal, refuse } from "./refusal.ts";
import { isMapping, nounOf, quote } from "./scalar.ts";
import { suggest } from "./suggest.ts";

type Context = Pick<z.core.$RefinementCtx<unknown>, "addIssue">;

const addFinding = (ctx: Context, { kind, message, path }: Finding) => {
  // Not continued: rules over an object run only if each of its properties is right.
  ctx.addIssue({ code: "custom", path: [...path], message, params: { kind }, continue: false });
};

const attempt = <T>(parse: (input: unknown) => T, input: unknown, ctx: Context): T => {
  try {
    return parse(input);
  } catch (err) {
    if (!(err instanceof Refusal)) throw err;
    for (const finding of err.findings) addFinding(ctx, finding);
    return z.NEVER;
  }
};

const required =
  <T>(parse: (input: unknown) => T) =>
  (input: unknown): T =>
    input === undefined ? refuse("missing", "This property is required") : parse(input);

/** A property read by a plain parse function that throws `Refusal`. Required, and null is the parser's business. */
export const field = <T>(parse: (input: unknown) => T) =>
  accepts(
    formOf(parse) ?? {},
    z.transform((input: unknown, ctx): T => attempt(required(parse), input, ctx)),
  );

/** As `field`, but may be left out or null: then it is null. */
export const optionalField = <T>(parse: (input: unknown) => T) =>
  accepts(
    () => nullable((formOf(parse) ?? {}) as JsonSchema),
    z.transform((input: unknown, ctx): T | null =>
      input === undefined || input === null ? null : attempt(parse, input, ctx),
    ),
  ).default(null);

const nullable = ({ title, ...form }: JsonSchema): JsonSchema => ({ title, anyOf: [form, { type: "null" }] });

export type Report = (kind: ProblemKind, message: string, path?: Path) => void;

export interface ObjectOptions<S, V> {
  /** What each property is, in words for users. */
  about?: { readonly [K in keyof S]?: string };
  /** What `from` accepts besides the mapping. */
  shorthand?: Form;
  /** Turns a shorthand into the mapping; gets everything that is written at this place except undefined. */
  from?: (input: unknown) => unknown;
  /** Rules over several properties; run only if each property is right. Unknown ones do not keep them from running. */
  rules?: (value: V, report: Report) => void;
}

const asMapping = (input: unknown): unknown => {
  if (isMapping(input)) return input;
  throw new Refusal([{ kind: "wrong_type", message: `Expected a mapping, got ${nounOf(input)}`, path: [] }]);
};

const onlyUnknownKeys = (payload: z.core.ParsePayload) =>
  payload.issues.every((issue) => issue.code === "unrecognized_keys");

/** One line per key: whoever splits the issue by its keys can split its message. */
const unknownKeys = (keys: readonly string[], shape: z.ZodRawShape): string =>
  keys
    .map((key) => {
      const meant = suggest(key, Object.keys(shape));
      const advice =
        meant === undefined ? `known are ${Object.keys(shape).join(", ")}` : `did you mean ${meant}?`;
      return `Unknown property ${quote(key)}: ${advice}`;
    })
    .join("\n");

/** A mapping of known properties. */
export const object = <S extends z.ZodRawShape>(
  shape: S,
  options: ObjectOptions<S, z.output<z.ZodObject<S, z.core.$strict>>> = {},
) => {
  const { from = asMapping, rules, about, shorthand } = options;
  const bare = z.strictObject(shape, {
    error: (issue) => (issue.code === "unrecognized_keys" ? unknownKeys(issue.keys, shape) : undefined),
  });
  const schema = rules
    ? bare.superRefine(
        (value, ctx) => rules(value, (kind, message, path = []) => addFinding(ctx, { kind, message, path })),
        { when: onlyUnknownKeys },
      )
    : bare;
  if (about) setTexts(schema, about);
  const whole = z.preprocess((input: unknown, ctx) => attempt(required(from), input, ctx), schema);
  return shorthand ? accepts(shorthand, whole) : whole;
};

/** A mapping that may be left out or null. */
export const orNull = <S extends z.ZodType>(schema: S) => schema.nullable().default(null);
