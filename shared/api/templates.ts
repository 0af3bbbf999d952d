import { z } from "zod";
import { orNull } from "../schema/field.ts";

/** Of `P/templates/list`: what the web page makes runs from. */
export const Template = z.object({
  type: z.literal("template"),
  name: z.string(),
  title: z.string(),
  description: orNull(z.string()),
  parameters: z.array(z.looseObject({ type: z.string() })),
  configuration: z.record(z.string(), z.unknown()),
});
