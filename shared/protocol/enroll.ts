import { z } from "zod";
import { Inventory } from "./inventory.ts";

const KeyProof = z.object({
  /** Milliseconds since 1970 by the host's clock; refused when more than 10 minutes off, but for a new host. */
  at: z.number().int(),
  /** Good once. Base64 Ed25519 signature over the UTF-8 text `dstack-enroll:<public_key>:<at>`. */
  signature: z.string().max(200),
});
export type KeyProof = z.infer<typeof KeyProof>;

/**
 * POST /api/agent/enroll, by an agent that has no valid credential: once after installation with a join
 * token, later (credential expired while cut off) with a proof of the host key made at the first start.
 *
 * Repeat: the same public key gets the same instance again, so an answer lost on the way costs nothing.
 * Abort: nothing is half done; the instance may exist without ever having synced.
 * Refusals: `unauthenticated` (unknown, expired, revoked or used-up token; unknown key; bad signature, one that was used
 * before, or none for a key that is known already), `conflict` (the fleet has as many instances as it may; the host is in
 * another one), `invalid` (the host cannot be divided as the fleet says).
 */
export const EnrollRequest = z.object({
  agent_version: z.string(),
  /** Ed25519 public key of the host, base64 of the raw 32 bytes. Identity is this key, never an address. */
  public_key: z.string().max(100),
  boot_id: z.string().max(100),
  inventory: Inventory,
  proof: z.discriminatedUnion("kind", [
    z.object({
      kind: z.literal("join"),
      token: z.string().max(500),
      /** That the key is the host's own: whoever has seen a public key must not get its instance by a token. */
      key: KeyProof.nullish(),
    }),
    z.object({ kind: z.literal("key"), ...KeyProof.shape }),
  ]),
});
export type EnrollRequest = z.infer<typeof EnrollRequest>;

/** The bearer token for every other call. The agent asks for a new one well before it ends (see sync). */
export const Credential = z.object({ token: z.string(), expires_at: z.number().int() });
export type Credential = z.infer<typeof Credential>;

export const EnrollAnswer = z.object({
  instance_id: z.string(),
  instance_name: z.string(),
  fleet_name: z.string(),
  project_name: z.string(),
  credential: Credential,
  /** By which the agent trusts releases of itself from now on (upgrade.ts); base64 of a raw Ed25519 key. */
  release_key: z.string().max(100).nullish(),
});
export type EnrollAnswer = z.infer<typeof EnrollAnswer>;

/** What the host key signs to prove itself. */
export const enrollProofText = (publicKey: string, at: number): string => `dstack-enroll:${publicKey}:${at}`;
