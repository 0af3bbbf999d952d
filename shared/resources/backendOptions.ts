import { z } from "zod";
import { object, optionalField } from "../schema/field.ts";
import { accepts } from "../schema/form.ts";
import { refuse } from "../schema/refusal.ts";
import { integerBetween, NUMBER, parseNumber } from "../schema/scalar.ts";

const parseReliability = accepts({ ...NUMBER, minimum: 0, maximum: 1 }, (input: unknown): number => {
  const value = parseNumber(input);
  return value >= 0 && value <= 1
    ? value
    : refuse("out_of_range", `Expected a number from 0 to 1, got ${value}`);
});

/** Options of one backend (docs/spec/configuration.md §1.5); a list of them has at most one per type. */
export const BackendOptions = object(
  {
    type: z.enum(["vastai"]).default("vastai"),
    offer_order: z.enum(["score", "price"]).nullable().default(null),
    min_reliability: optionalField(parseReliability),
    min_score: optionalField(integerBetween(0)),
  },
  {
    about: {
      type: "The backend these options are for.",
      offer_order: "Whether offers come by the marketplace's score or by price. Unset: by score.",
      min_reliability: "The least reliability of a host, from 0 to 1. Unset: 0.9.",
      min_score: "The least score of a host.",
    },
  },
);
export type BackendOptions = z.infer<typeof BackendOptions>;
