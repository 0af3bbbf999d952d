import type { z } from "zod";
import { Refusal } from "../../shared/schema/refusal.ts";
import { BadValue } from "../args/option.ts";

/** A value of the command line, read as the same text would be in a configuration file. */
export const readBy =
  <T>(parse: (input: unknown) => T) =>
  (text: string): T => {
    try {
      return parse(text);
    } catch (err) {
      if (err instanceof Refusal) throw new BadValue(err.message);
      throw err;
    }
  };

export const readAs =
  <S extends z.ZodType>(schema: S) =>
  (text: string): z.output<S> => {
    const parsed = schema.safeParse(text);
    if (parsed.success) return parsed.data;
    throw new BadValue(parsed.error.issues.map((issue) => issue.message).join("; "));
  };
