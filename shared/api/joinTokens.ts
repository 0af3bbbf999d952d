import { z } from "zod";
import { orNull } from "../schema/field.ts";
import { Labels } from "./labels.ts";
import { Uuid, WireTime } from "./scalars.ts";

/**
 * Ours: tokens with which hosts join a fleet. `P/fleets/tokens/{create,list,revoke}`, for project admins and
 * managers. `create` for a fleet that does not exist makes it.
 */
export const CreateJoinTokenRequest = z.object({
  fleet: z.string(),
  /** How long hosts may join with it: 1 minute to 30 days. */
  ttl_s: z
    .number()
    .int()
    .min(60)
    .max(30 * 86_400)
    .default(86_400),
  /** How many hosts may join; null: no limit. */
  uses: orNull(z.number().int().min(1).max(100_000)),
  /** Into how many parts the hosts that join with it are divided; null: as their fleet says. */
  blocks: orNull(z.union([z.number().int().min(1).max(100_000), z.literal("auto")])),
  /** What the hosts that join with it are labelled with; null: nothing, and a host that joins again keeps its labels. */
  labels: orNull(Labels),
});
export type CreateJoinTokenRequest = z.infer<typeof CreateJoinTokenRequest>;

export const JoinToken = z.object({
  id: Uuid,
  fleet: z.string(),
  created_at: WireTime,
  expires_at: WireTime,
  /** Null: no limit. */
  uses_left: z.number().int().nullable(),
  /** Null: as the fleet says. */
  blocks: orNull(z.union([z.number().int(), z.literal("auto")])),
  labels: orNull(Labels),
});
export type JoinToken = z.infer<typeof JoinToken>;

/** The one answer that carries the token itself; only its hash is kept. */
export const NewJoinToken = JoinToken.extend({ token: z.string(), join_command: z.string() });
export type NewJoinToken = z.infer<typeof NewJoinToken>;

/** Of `list`: tokens that can still be used; `fleet` null: of all fleets. */
export const ListJoinTokensRequest = z.object({ fleet: orNull(z.string()) });
export type ListJoinTokensRequest = z.infer<typeof ListJoinTokensRequest>;

/** Of `revoke`: hosts that have joined stay. */
export const RevokeJoinTokensRequest = z.object({ ids: z.array(Uuid).max(1000) });
export type RevokeJoinTokensRequest = z.infer<typeof RevokeJoinTokensRequest>;
