import { z } from "zod";

/** 32 random bytes, base64url. */
const Secret = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

/**
 * What the agent accepts a client's request for the direct way with (docs/protocol/tunnel.md): where it listens, and the
 * ticket that lets whoever has it in, once and soon. It is for one submission, and good as long as the stream that it
 * came over stands: the coordinator takes it back by ending that stream.
 */
export const DirectOffer = z.object({
  /** The host's own; a client dials all of them. */
  addresses: z
    .array(z.union([z.ipv4(), z.ipv6()]))
    .min(1)
    .max(16),
  port: z.number().int().min(1).max(65_535),
  /** What the agent's end of TLS shows, DER in base64: exactly this one, whatever it says of itself. */
  certificate: z.base64().max(8_000),
  ticket: Secret,
});
export type DirectOffer = z.infer<typeof DirectOffer>;

/** A client's first message on each connection: it begins a link, or goes on with the one that it has. */
export const DirectHello = z.union([
  z.object({ ticket: Secret }),
  z.object({ resume: Secret, received: z.number().int().nonnegative() }),
]);
export type DirectHello = z.infer<typeof DirectHello>;

/** The agent's answer: what it takes to go on with this link over another connection, and how far it has come. */
export const DirectWelcome = z.object({ resume: Secret, received: z.number().int().nonnegative() });
export type DirectWelcome = z.infer<typeof DirectWelcome>;

/** The agent's answer in place of that. */
export const DirectRefusal = z.object({ refused: z.string().max(200) });

/** A stream of a direct link that leads nowhere: it brings another ticket, with which the link goes on. */
export const RenewRequest = z.object({ renew: Secret });
