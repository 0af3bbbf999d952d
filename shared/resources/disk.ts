import type { z } from "zod";
import { field, object } from "../schema/field.ts";
import { formOf, type JsonSchema } from "../schema/form.ts";
import { refuse } from "../schema/refusal.ts";
import { isMapping, nounOf } from "../schema/scalar.ts";
import { parseMemoryRange } from "./memory.ts";

const toMapping = (input: unknown): unknown => {
  if (isMapping(input)) return input;
  if (input === null || Array.isArray(input)) {
    return refuse("wrong_type", `Expected a disk size like 100GB or 100GB.., got ${nounOf(input)}`);
  }
  return { size: input };
};

/** A range as a mapping is no disk. */
const SIZE = ((formOf(parseMemoryRange) as JsonSchema)["anyOf"] as JsonSchema[]).slice(0, 2);

/** `{size}`, from `100GB`, `100GB..`. */
export const DiskSpec = object(
  { size: field(parseMemoryRange) },
  {
    from: toMapping,
    shorthand: { title: "disk", anyOf: SIZE, examples: ["100GB", "200GB.."] },
    about: { size: "The size, or a range of sizes." },
  },
);
export type DiskSpec = z.infer<typeof DiskSpec>;
