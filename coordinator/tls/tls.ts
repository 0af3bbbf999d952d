import type { Clock } from "../../shared/clock.ts";
import type { TrustedAuthorities } from "../../shared/protocol/trust.ts";
import type { KeyedCertificate } from "../../shared/tls/certificates.ts";

/** By what hosts know this coordinator. */
export interface CoordinatorTrust {
  /** What agents are to trust it by from now on; undefined: that is not this process's to say. */
  readonly told: TrustedAuthorities | undefined;
  /** Goes into join tokens: the fingerprint of the first authority, where hosts need to be told of one. */
  readonly fingerprint: string | undefined;
  /** Of the certificate's key, for `curl --pinnedpubkey`; set where `fingerprint` is. */
  readonly keyPin: string | undefined;
}

/** Plain HTTP, or TLS that ends before this process. */
export const NO_TRUST: CoordinatorTrust = { told: undefined, fingerprint: undefined, keyPin: undefined };

/** Where the coordinator's certificate comes from. */
export interface CertificateSource {
  readonly current: KeyedCertificate;
  readonly trust: CoordinatorTrust;
  /** Looks whether there is another one, or is to be: true when `current` has changed. */
  refresh(signal: AbortSignal): Promise<boolean>;
}

export interface SourceDeps {
  clock: Pick<Clock, "now">;
}
