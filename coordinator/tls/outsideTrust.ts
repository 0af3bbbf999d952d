import { X509Certificate } from "node:crypto";
import type { KeyedCertificate } from "../../shared/tls/certificates.ts";
import { fingerprintOf, keyPinOf, splitPem } from "../../shared/tls/fingerprint.ts";
import type { CoordinatorTrust } from "./tls.ts";

/** Of a certificate by an authority that is not ours. `named`: what hosts are to be told; empty: they know it by their system. */
export const trustOf = ({ cert }: KeyedCertificate, named: readonly string[]): CoordinatorTrust => {
  const leaf = new X509Certificate(cert);
  // One that signs itself is its own authority.
  const isSelfSigned = leaf.checkIssued(leaf) && leaf.verify(leaf.publicKey);
  const authorities = named.length > 0 ? named : isSelfSigned ? splitPem(cert).slice(0, 1) : [];
  const [first] = authorities;
  return {
    // Hosts were perhaps told of authorities by an earlier way: those of the system take their place.
    told: { authorities: [...authorities], system: authorities.length === 0 },
    fingerprint: first && fingerprintOf(first),
    keyPin: first && keyPinOf(cert),
  };
};
