import { z } from "zod";
import { orNull } from "../schema/field.ts";
import { listed, Uuid4 } from "./scalars.ts";

/** docs/spec/http-api.md §1.6 */
export const SECRET_NAME = /^[A-Za-z0-9-_]{1,200}$/;
export const MAX_SECRET_CHARS = 5000;

/** A value that configurations name as `${{ secrets.NAME }}` (docs/spec/http-api.md §2.10). */
export const Secret = z.object({
  id: Uuid4,
  name: z.string(),
  /** Null in lists. */
  value: orNull(z.string()),
});
export type Secret = z.infer<typeof Secret>;

export const GetSecretRequest = z.object({ name: z.string() });

export const SetSecretRequest = z.object({ name: z.string(), value: z.string() });
export type SetSecretRequest = z.infer<typeof SetSecretRequest>;

export const DeleteSecretsRequest = z.object({ secrets_names: listed(z.string()) });
