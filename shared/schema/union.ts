import { z } from "zod";
import { accepts } from "./form.ts";
import { type ProblemKind, refuse } from "./refusal.ts";
import { isMapping, nounOf, quote } from "./scalar.ts";
import { suggest } from "./suggest.ts";

/** One spelling for the issues of zod and ours, so that they can be compared and passed on. */
export const kindOf = (issue: z.core.$ZodIssue, input: unknown): ProblemKind => {
  switch (issue.code) {
    case "custom":
      return (issue.params?.["kind"] as ProblemKind | undefined) ?? "invalid_value";
    case "unrecognized_keys":
      return "unknown_property";
    case "too_small":
    case "too_big":
      return "out_of_range";
    case "invalid_type":
    case "invalid_value":
      if (at(input, issue.path) === undefined) return "missing";
      return issue.code === "invalid_type" ? "wrong_type" : "invalid_value";
    default:
      return "invalid_value";
  }
};

/** The value at a path, or undefined. Follows own properties only. */
export const at = (input: unknown, path: readonly PropertyKey[]): unknown => {
  let value = input;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
};

type Context = Pick<z.core.$RefinementCtx<unknown>, "addIssue">;

const passOn = (ctx: Context, issues: readonly z.core.$ZodIssue[]) => {
  for (const issue of issues) {
    // An unknown key beside others must not keep the rules of the surrounding object from running.
    const isUnknownKey = issue.code === "unrecognized_keys";
    ctx.addIssue({ ...issue, continue: isUnknownKey } as Parameters<Context["addIssue"]>[0]);
  }
};

/** One of several shapes; `pick` says by the look of the value which one is meant, and only that one is reported. */
export const oneShape = <B extends readonly [z.ZodType, ...z.ZodType[]]>(
  branches: B,
  pick: (input: unknown) => number,
) =>
  accepts(
    (toJson) => ({ anyOf: branches.map(toJson) }),
    z.transform((input: unknown, ctx): z.output<B[number]> => {
      const branch = branches[pick(input)] ?? branches[0];
      const result = branch.safeParse(input);
      if (result.success) return result.data as z.output<B[number]>;
      passOn(ctx, result.error.issues);
      return z.NEVER;
    }),
  );

/** A mapping whose property `tag` says which of several shapes it has. */
export const tagged = <M extends Record<string, z.ZodType>>(tag: string, shapes: M) =>
  accepts(
    (toJson) => ({ anyOf: Object.values(shapes).map(toJson) }),
    z.transform((input: unknown, ctx): z.output<M[keyof M]> => {
      const fail = (kind: ProblemKind, message: string, path: string[] = []) => {
        ctx.addIssue({ code: "custom", path, message, params: { kind }, continue: false });
        return z.NEVER;
      };
      if (!isMapping(input)) {
        return input === undefined
          ? fail("missing", "This property is required")
          : fail("wrong_type", `Expected a mapping, got ${nounOf(input)}`);
      }
      const known = Object.keys(shapes).join(", ");
      const value = input[tag];
      if (value === undefined || value === null)
        return fail("missing", `Say which ${tag} it is: ${known}`, [tag]);
      const shape = typeof value === "string" && Object.hasOwn(shapes, value) ? shapes[value] : undefined;
      if (!shape) {
        const meant = typeof value === "string" ? suggest(value, Object.keys(shapes)) : undefined;
        const advice = meant === undefined ? `expected one of ${known}` : `did you mean ${meant}?`;
        return fail("invalid_value", `Unknown ${tag} ${quote(value)}: ${advice}`, [tag]);
      }
      const result = shape.safeParse(input);
      if (result.success) return result.data as z.output<M[keyof M]>;
      passOn(ctx, result.error.issues);
      return z.NEVER;
    }),
  );

export const refuseShape = (expected: string, input: unknown): never =>
  refuse("wrong_type", `Expected ${expected}, got ${nounOf(input)}`);
