import type { z } from "zod";
import { field, object } from "../schema/field.ts";
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

/** `{size}`, from `100GB`, `100GB..`. */
export const DiskSpec = object({ size: field(parseMemoryRange) }, { from: toMapping });
export type DiskSpec = z.infer<typeof DiskSpec>;
