import { z } from "zod";

/**
 * A release of the agent that its coordinator would have it run, newer or older than its own: part of the answer to a
 * sync, repeated until the agent runs it or says that it does not. To be fetched from `/artifacts/FILE`, which is open
 * to all: what makes it trustworthy is the signature.
 */
export const UpgradeOffer = z.object({
  version: z.string().regex(/^[\w.+-]{1,100}$/),
  /** Of AgentUpgrade.target: what the file was made for. */
  target: z.string().max(100),
  /** Gzipped. */
  file: z.string().regex(/^dstack-agent-[a-z0-9-]+\.gz$/),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  size: z.number().int().positive(),
  /** Bytes of the program, unpacked. */
  program_size: z.number().int().positive(),
  /** Base64 Ed25519 signature over {@link releaseText} by the coordinator's release key. */
  signature: z.string().max(200),
  /** That key, base64 of the raw 32 bytes; for an agent that joined before there was one, and has none to go by. */
  release_key: z.string().max(100),
});
export type UpgradeOffer = z.infer<typeof UpgradeOffer>;

/** What the coordinator signs: all that decides which program will run. */
export const releaseText = (
  offer: Pick<UpgradeOffer, "version" | "target" | "sha256" | "size" | "program_size">,
): string =>
  `dstack-agent-release:${offer.version}:${offer.target}:${offer.sha256}:${offer.size}:${offer.program_size}`;
