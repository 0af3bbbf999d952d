import { X509Certificate } from "node:crypto";
import {
  issueCertificate,
  type KeyedCertificate,
  makeAuthority,
  type Validity,
} from "../../shared/tls/certificates.ts";
import { fingerprintOf, keyPinOf, splitPem } from "../../shared/tls/fingerprint.ts";
import { canonicalName, namesOf } from "./certificateNames.ts";
import { findPair, keepPair, makePrivateFolder } from "./keptPairs.ts";
import type { CertificateSource, SourceDeps } from "./tls.ts";

const DAY_MS = 24 * 3_600_000;

/** Hosts pin the authority: it outlives them. */
const AUTHORITY_DAYS = 20 * 365;
/** Whatever this machine's clock said at the first start, it cannot be made anew. */
const AUTHORITY_SINCE = Date.UTC(2020, 0, 1);
/** More is refused by some clients. */
const CERTIFICATE_DAYS = 397;
const RENEW_BEFORE_DAYS = 120;
/** A host's clock may be behind by so much. */
const BACKDATED_DAYS = 3;

const LOST =
  "Put both back from a backup. Without them a new authority is made, which hosts that have joined do not know";

/** Names that were dropped stay in the certificate, as hosts may still use them; but not without an end. */
const MOST_NAMES = 100;

export interface OwnOptions extends SourceDeps {
  /** Keys and certificates are kept in it, for the owner alone. */
  dir: string;
  /** Host names and addresses that the certificate is for. */
  names: readonly string[];
  /** Authorities, in PEM, that hosts are to know of besides: the next one, before it is used. */
  alsoTrusted: () => readonly string[];
}

/**
 * A certificate by an authority of the coordinator's own, made at the first start. Hosts pin the authority, so the
 * certificate is renewed, and gets other names, without them. The key stays, as join commands pin it for `curl`.
 */
export const openOwnCertificate = async (options: OwnOptions): Promise<CertificateSource> => {
  const { dir, clock, alsoTrusted } = options;
  const names = options.names.map(canonicalName);
  makePrivateFolder(dir);
  const authority = await findOr(dir, "authority", () =>
    makeAuthority("dstack coordinator", {
      ...validFor(AUTHORITY_DAYS, clock.now()),
      notBefore: AUTHORITY_SINCE,
    }),
  );
  const issue = async (before: KeyedCertificate | undefined): Promise<KeyedCertificate> => {
    const all = [...new Set([...names, ...(before ? namesOf(before.cert) : [])])].slice(0, MOST_NAMES);
    const issued = await issueCertificate(authority, {
      names: all,
      ...validFor(CERTIFICATE_DAYS, clock.now()),
      ...(before ? { key: before.key } : {}),
    });
    keepPair(dir, "server", issued);
    return issued;
  };
  const isGood = ({ cert }: KeyedCertificate): boolean => {
    const leaf = new X509Certificate(cert);
    const has = new Set(namesOf(cert));
    return (
      leaf.verify(new X509Certificate(authority.cert).publicKey) &&
      Date.parse(leaf.validTo) - clock.now() > RENEW_BEFORE_DAYS * DAY_MS &&
      // The clock of this machine was wrong when it was made.
      Date.parse(leaf.validFrom) <= clock.now() &&
      names.every((name) => has.has(name))
    );
  };
  const kept = findPair(dir, "server", LOST);
  let current = kept && isGood(kept) ? kept : await issue(kept);
  return {
    get current() {
      return current;
    },
    get trust() {
      return {
        told: { authorities: [...splitPem(authority.cert), ...alsoTrusted()], system: false },
        fingerprint: fingerprintOf(authority.cert),
        keyPin: keyPinOf(current.cert),
      };
    },
    refresh: async () => {
      if (isGood(current)) return false;
      current = await issue(current);
      return true;
    },
  };
};

const validFor = (days: number, now: number): Validity => ({
  notBefore: now - BACKDATED_DAYS * DAY_MS,
  notAfter: now + days * DAY_MS,
});

const findOr = async (
  dir: string,
  name: string,
  make: () => Promise<KeyedCertificate>,
): Promise<KeyedCertificate> => {
  const known = findPair(dir, name, LOST);
  if (known) return known;
  const made = await make();
  keepPair(dir, name, made);
  return made;
};
