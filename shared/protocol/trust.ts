import { createHash } from "node:crypto";
import { z } from "zod";

/**
 * By what an agent is to know its coordinator from now on, told over the link that it trusts already: so an authority can
 * be replaced without touching hosts, when both are told for a while. The agent takes it over once a connection shows that
 * the coordinator can be reached that way, and keeps what it has otherwise.
 */
export const TrustedAuthorities = z.object({
  /** Certificates in PEM, one each. */
  authorities: z.array(z.string().max(20_000)).max(20),
  /** Besides them, those that the host itself trusts. */
  system: z.boolean(),
});
export type TrustedAuthorities = z.infer<typeof TrustedAuthorities>;

/** What an agent says that it has: short, and the same for the same set. */
export const trustDigest = ({ authorities, system }: TrustedAuthorities): string =>
  createHash("sha256")
    .update([...authorities.map((pem) => pem.trim()), String(system)].join("\n"))
    .digest("hex");
