import { z } from "zod";
import { object, optionalField } from "../schema/field.ts";
import { refuse } from "../schema/refusal.ts";
import { integerBetween, parseNumber } from "../schema/scalar.ts";

const parseReliability = (input: unknown): number => {
  const value = parseNumber(input);
  return value >= 0 && value <= 1
    ? value
    : refuse("out_of_range", `Expected a number from 0 to 1, got ${value}`);
};

/** Options of one backend (docs/spec/configuration.md §1.5); a list of them has at most one per type. */
export const BackendOptions = object({
  type: z.enum(["vastai"]),
  offer_order: z.enum(["score", "price"]).nullable().default(null),
  min_reliability: optionalField(parseReliability),
  min_score: optionalField(integerBetween(0)),
});
export type BackendOptions = z.infer<typeof BackendOptions>;
