import { z } from "zod";
import { accepts } from "../schema/form.ts";
import { isMapping } from "../schema/scalar.ts";

/** Groups without a name get their number. */
const withNames = (input: unknown): unknown => {
  if (!Array.isArray(input)) return input;
  return input.map((group: unknown, index) =>
    isMapping(group) && (group["name"] === undefined || group["name"] === null)
      ? { ...group, name: String(index) }
      : group,
  );
};

/** A list of named groups, or null; not empty, and no name twice. */
export const groupList = <G extends z.ZodType<{ name: string }>>(group: G) =>
  z
    .preprocess(
      withNames,
      accepts(
        { minItems: 1 },
        z.array(group).superRefine((groups, ctx) => {
          const fail = (kind: string, message: string) =>
            ctx.addIssue({ code: "custom", message, params: { kind }, continue: false });
          if (groups.length === 0) fail("missing", "Give at least one group, or leave the property out");
          const names = groups.map(({ name }) => name);
          const twice = names.find((name, index) => names.indexOf(name) < index);
          if (twice !== undefined)
            fail("conflict", `Two groups are named "${twice}" (one without a name has its number)`);
        }),
      ).nullable(),
    )
    .default(null);
