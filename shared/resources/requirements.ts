import { z } from "zod";
import { BackendOptions } from "./backendOptions.ts";
import { ResourcesSpec } from "./spec.ts";

/** What a job needs of an instance (docs/spec/http-api.md §3.3). */
export const Requirements = z.object({
  resources: ResourcesSpec,
  max_price: z.number().nullable().default(null),
  /** null: either. */
  spot: z.boolean().nullable().default(null),
  reservation: z.string().nullable().default(null),
  multinode: z.boolean().nullable().default(null),
  backend_options: z.array(BackendOptions).nullable().default(null),
});
export type Requirements = z.infer<typeof Requirements>;
